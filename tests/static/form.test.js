// What is typed into the form, counted at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { gpusOf, megabytesOf, minutesOf } from "../../share/resource_form/static/form/amounts.js";
import { serverOf } from "../../share/resource_form/static/form/check.js";
import { freeOf, nodesInWords, nodesThatFit, wishOf } from "../../share/resource_form/static/form/rooms.js";
import { timeInWords } from "../../share/resource_form/static/form/times.js";
import { numberOf } from "../../share/resource_form/static/form/useful.js";
import { linkTo } from "../../share/resource_form/static/form/tools.js";

const V100 = { nodes: 3, cores: 48, memory_mb: 375300, minutes: null, gpus: { v100: 2 }, parts: [] };
const CPU = { nodes: 2, cores: 48, memory_mb: 375300, minutes: 120, gpus: {}, parts: [] };
const SHARED = { ...V100, nodes: 1, gpus: {}, parts: [{ gres: "shard", type: "v100", least: 1, most: 3 }] };
const SMALL = { cores: 1, megabytes: 2048, minutes: 60, gres: "gpu", type: "", gpus: 0 };

describe("a time", () => {
  const table = {
    90: 90,
    "90m": 90,
    "2h": 120,
    " 1D ": 1440,
    "5:30": 6,
    "5:00": 5,
    "1:00:00": 60,
    "1:00:01": 61,
    "1-0:0": 1440,
    "1-02:30:00": 1590,
  };
  for (const [text, minutes] of Object.entries(table)) test(`${text} has ${minutes} minutes`, () => assert.equal(minutesOf(text), minutes));
  for (const text of ["", "h", "2 hours", "-5", "1.5h", "1:2:3:4"]) test(`"${text}" is none`, () => assert.equal(minutesOf(text), null));
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

describe("a request", () => {
  test("is counted as soon as all its fields say an amount", () => {
    assert.deepEqual(wishOf({ cores: "1", memory: "2G", walltime: "1h" }), SMALL);
    for (const field of ["cores", "memory", "walltime", "gpus"]) {
      assert.equal(wishOf({ cores: "1", memory: "2G", walltime: "1h", gpus: "0", [field]: "x" }), null, field);
    }
  });

  test("fits on the nodes that have it free for as long as it lasts", () => {
    assert.equal(nodesThatFit([V100, CPU], SMALL), 5);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, minutes: 121 }), 3);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, gpus: 2 }), 3);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, gpus: 3 }), 0);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, gpus: 1, type: "a100" }), 0);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, cores: 49 }), 0);
    assert.equal(nodesThatFit([V100, CPU], { ...SMALL, megabytes: 375301 }), 0);
  });

  test("for a part of a GPU fits where the least that is free is enough, and is not known where only the most is", () => {
    assert.equal(nodesThatFit([SHARED], { ...SMALL, gres: "shard", gpus: 1 }), 1);
    assert.equal(nodesThatFit([SHARED], { ...SMALL, gres: "shard", gpus: 3 }), null);
    assert.equal(nodesThatFit([SHARED], { ...SMALL, gres: "shard", gpus: 4 }), 0);
  });

  test("adds whole GPUs of all types up, and parts of none", () => {
    assert.deepEqual(freeOf({ ...V100, gpus: { v100: 2, a100: 1 } }, "gpu", ""), [3, 3]);
    const parts = [...SHARED.parts, { gres: "shard", type: "a100", least: 2, most: 2 }];
    assert.deepEqual(freeOf({ ...SHARED, parts }, "shard", ""), [2, 3]);
    assert.deepEqual(freeOf({ ...SHARED, parts }, "mps", ""), [0, 0]);
  });

  test("is told of in words", () => {
    const texts = { fits_none: "no node", fits_one: "1 node", fits_many: "{number} nodes" };
    assert.deepEqual([0, 1, 7].map((nodes) => nodesInWords(nodes, texts)), ["no node", "1 node", "7 nodes"]);
  });
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

test("a time of the table has seconds, and the end of a session has none", () => {
  const now = new Date(2026, 10, 29, 12, 0, 7);
  assert.equal(timeInWords(now, "en", false, now), "12:00:07");
  assert.equal(timeInWords(now, "en", true, now), "12:00");
});
