// The rules for the scripts of the pages and their tests. What a name means, and whether it is there, tsc knows better.

import js from "@eslint/js";

const STYLE = {
  "consistent-return": "error",
  curly: ["error", "multi-line"],
  eqeqeq: "error",
  "max-depth": ["error", 3],
  "max-len": ["error", { code: 140 }],
  "max-lines": ["error", 300],
  complexity: ["error", 12],
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-param-reassign": "error",
  "no-restricted-properties": [
    "error",
    ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property, message: "What is shown is put in as text." })),
  ],
  "no-shadow": "error",
  "no-undef": "off",
  "no-unused-vars": ["error", { varsIgnorePattern: "^_" }],
  "no-use-before-define": ["error", { functions: false, variables: false }],
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
  "prefer-template": "error",
};

export default [
  js.configs.recommended,
  { languageOptions: { ecmaVersion: 2023, sourceType: "module" }, linterOptions: { reportUnusedDisableDirectives: "error" }, rules: STYLE },
];
