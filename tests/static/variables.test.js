// Variables as text, as the Hub reads and writes them: tests/unit/request/test_variables.py reads the same table.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { asText, looksSecret, MASK, readText } from "../../share/resource_form/static/common/variables.js";
import { withoutSecrets } from "../../share/resource_form/static/form/tools.js";
import { formLink } from "../../share/resource_form/static/sessions/links.js";

const TABLE = JSON.parse(readFileSync(new URL("../fixtures/variables.json", import.meta.url), "utf8"));

describe("a variable", () => {
  for (const { value, text } of TABLE.values) {
    test(`${JSON.stringify(value)} is written and read byte for byte`, () => {
      assert.equal(asText([["A", value]]), `A=${text}`);
      assert.deepEqual(readText(`A=${text}`), [["A", value]]);
    });
  }
  for (const { text, variables } of TABLE.texts) test(`${JSON.stringify(text)} is read`, () => assert.deepEqual(readText(text), variables));
  for (const [name, value, secret] of TABLE.secrets) {
    test(`${name}=${value} ${secret ? "looks secret" : "does not look secret"}`, () => {
      assert.equal(looksSecret(name, value, TABLE.patterns), secret);
    });
  }
});

test("what the Hub will refuse stays what it is", () => {
  assert.deepEqual(readText('no sign\nA="no end\nB="x" y\nC=[1]'), [["no sign", ""], ["A", '"no end'], ["B", '"x" y'], ["C", "[1]"]]);
});

test("an address has no secret", () => {
  const text = 'A=1\nHF_TOKEN=abc\nURL=http://me:pw@host\nB="x\\ny"';
  assert.equal(withoutSecrets(text, TABLE.patterns), `A=1\nHF_TOKEN=${MASK}\nURL=${MASK}\nB="x\\ny"`);
});

test("the link to the form of a session has its variables, as the Hub tells them", () => {
  const request = { cores: 2, environment: { A: "1\n2", HF_TOKEN: MASK } };
  const link = new URL(formLink({ spawn_url: "/hub/spawn/jo/", request }, "http://hub/"));
  assert.equal(link.searchParams.get("opt-environment"), `A="1\\n2"\nHF_TOKEN=${MASK}`);
  assert.equal(link.searchParams.get("opt-cores"), "2");
});
