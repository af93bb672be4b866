// What is typed into the form, counted at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { gpusOf, hoursAsTyped, megabytesOf, minutesOf } from "../../share/resource_form/static/form/amounts.js";
import { isRefusal, serverOf } from "../../share/resource_form/static/form/check.js";
import { choiceFor } from "../../share/resource_form/static/form/strip.js";
import { numberOf } from "../../share/resource_form/static/form/useful.js";
import { linkTo } from "../../share/resource_form/static/form/tools.js";

describe("a time", () => {
  const table = {
    1: 60,
    " 8 ": 480,
    "90m": 90,
    "2h": 120,
    " 1D ": 1440,
    "1:30": 90,
    "0:05": 5,
    "1:3": 2,
    "1:00:00": 60,
    "1:00:01": 61,
    "1-0:0": 1440,
    "1-02:30:00": 1590,
  };
  for (const [text, minutes] of Object.entries(table)) test(`${text} has ${minutes} minutes`, () => assert.equal(minutesOf(text), minutes));
  for (const text of ["", "h", "2 hours", "-5", "1.5h", "1:2:3:4"]) test(`"${text}" is none`, () => assert.equal(minutesOf(text), null));
});

test("a time without a unit is in hours, as the page says, and every other is sent as it is typed", () => {
  const typed = ["1", " 12 ", "1:30", "1:3", "90m", "01:00:00", "1-12", "soon", "", "123456"];
  assert.deepEqual(typed.map(hoursAsTyped), ["1h", "12h", "1:30:00", "1:3", "90m", "01:00:00", "1-12", "soon", "", "123456"]);
});

test("a field holds a number in the unit of its values to press", () => {
  assert.deepEqual(["48", " 4 ", "", "four", "1.5"].map((text) => numberOf("cores", text)), [48, 4, null, null, null]);
  assert.deepEqual(["32", "375300M", "much"].map((text) => numberOf("memory", text)), [32768, 375300, null]);
  assert.deepEqual(["08:00:00", "8h", "1-00:00:00", "soon"].map((text) => numberOf("walltime", text)), [480, 480, 1440, null]);
});

test("memory is in gigabytes unless it says megabytes", () => {
  assert.deepEqual(["8", "8G", "8 GiB", "0.5g", "512M", "512 mb"].map(megabytesOf), [8192, 8192, 8192, 512, 512, 512]);
  assert.deepEqual(["", "8T", "G", "-8"].map(megabytesOf), [null, null, null, null]);
});

test("GPUs have a kind and a type, or none", () => {
  assert.deepEqual(gpusOf("2"), { gres: "gpu", type: "", number: 2 });
  assert.deepEqual(gpusOf("v100:1"), { gres: "gpu", type: "v100", number: 1 });
  assert.deepEqual(gpusOf("shard:v100:4"), { gres: "shard", type: "v100", number: 4 });
  assert.equal(gpusOf("v100"), null);
});

test("a node that is pressed asks for its free GPUs, of its type where the form names types", () => {
  const untyped = ["0", "1", "2", "shard:1"];
  const typed = ["0", "v100:1", "v100:2", "a100:1", "2"];
  assert.equal(choiceFor(untyped, "v100", 2), "2");
  assert.equal(choiceFor(untyped, "v100", 1), "1");
  assert.equal(choiceFor(untyped, "v100", 7), "2");
  assert.equal(choiceFor(typed, "v100", 2), "v100:2");
  assert.equal(choiceFor(typed, "a100", 4), "2");
  assert.equal(choiceFor(typed, "a100", 1), "a100:1");
  assert.equal(choiceFor(typed, "v100", 0), null);
  assert.equal(choiceFor([], "v100", 2), null);
});

test("what the Hub has to say to somebody who may not ask is no silence", () => {
  for (const status of [401, 403, 404]) assert.equal(isRefusal({ status }), true);
  assert.deepEqual([isRefusal({ status: 502 }), isRefusal(null)], [false, false]);
});

test("the server that a form is for stands in the address to which it is sent", () => {
  assert.equal(serverOf("https://hub.example/hub/spawn/ada/gpu%20one?_xsrf=a/b"), "gpu one");
  assert.equal(serverOf("https://hub.example/hub/spawn/ada?next=/hub/spawn/x/y"), null);
  assert.equal(serverOf("https://hub.example/hub/spawn"), null);
});

test("a link has what is chosen, and neither a preset nor a name where there is none", () => {
  const link = linkTo(new URL("https://hub.example/hub/spawn?x=1"), { cores: "4", preset: "", name: "", color: "", reservation: "" });
  assert.equal(link, "https://hub.example/hub/spawn?x=1&opt-cores=4&opt-reservation=");
});
