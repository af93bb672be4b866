// What a browser gets of the scripts is the same program: without comments and indentation, and without anything else less.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { tokenize } from "espree";

const TOP = new URL("../../", import.meta.url);
const STATIC = new URL("share/resource_form/static/", TOP);
const NAMES = readdirSync(STATIC, { recursive: true }).filter((name) => name.endsWith(".js"));
const COMPACT = `
import json, pathlib, runpy, sys
compact_script = runpy.run_path("spawner/hub/compact.py")["compact_script"]
json.dump([compact_script(text) for text in json.load(sys.stdin)], sys.stdout)
`;

/** The tokens of a program, in which no comment stands and no space. */
function program(text) {
  return tokenize(text, { ecmaVersion: "latest", sourceType: "module" }).map(({ type, value }) => `${type} ${value}`);
}

test("every script is the same program", () => {
  const texts = NAMES.map((name) => readFileSync(new URL(name, STATIC), "utf8"));
  const made = spawnSync("python3", ["-c", COMPACT], { cwd: fileURLToPath(TOP), input: JSON.stringify(texts), encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  const compact = JSON.parse(made.stdout);
  assert.ok(NAMES.length > 50);
  for (const [index, name] of NAMES.entries()) {
    assert.deepEqual(program(compact[index]), program(texts[index]), name);
    assert.doesNotMatch(compact[index], /^\s*(\/\/.*|\/\*.*\*\/)$/m, name);
  }
});
