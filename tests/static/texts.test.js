// The sentences: whatever a module says by name stands in the templates, and nothing stands there that no module says.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

const TOP = new URL("../../", import.meta.url);
const STATIC = new URL("share/resource_form/static/", TOP);
const TEMPLATES = {
  form: "templates/resource_form/form.html",
  pending: "templates/hub/spawn_pending.html",
  sessions: "templates/hub/session_texts.html",
};
// What is said by a name that is put together.
const MADE = /^(place_(one|two|few|other)|done|now|next|stopped)$/;

function sources(folder) {
  const where = new URL(`${folder}/`, STATIC);
  return readdirSync(where).map((name) => readFileSync(new URL(name, where), "utf8")).join("\n");
}

for (const [folder, template] of Object.entries(TEMPLATES)) {
  describe(`the texts of ${folder}`, () => {
    const text = readFileSync(new URL(template, TOP), "utf8");
    const given = new Set([...text.matchAll(/^ {2}"(\w+)": (?:n?_?gettext|_)\(/gm)].map((found) => found[1]));
    const said = new Set([...sources(folder).matchAll(/\btexts\.(\w+)/g)].map((found) => found[1]));

    test("are all in the template", () => {
      assert.ok(said.size > 5);
      assert.deepEqual([...said].filter((name) => !given.has(name)), []);
    });

    test("are all said by a module", () => {
      assert.deepEqual([...given].filter((name) => !said.has(name) && !MADE.test(name)), []);
    });
  });
}
