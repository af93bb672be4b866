// The last hour of a GPU, as a picture.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { HEIGHT, partsOf, pictureOf, WIDTH, withHistory } from "../../share/resource_form/static/sessions/gpu_history.js";

const device = (values) => ({ index: 0, ...values });
const points = (line) => line.split(" ").map((point) => point.split(",").map(Number));

describe("the history", () => {
  test("is kept, and ages, until the Hub tells it again", () => {
    const before = { age: 1, devices: [device({ history: [[60, 50, 100], [0, null, 200]] })] };
    const news = { age: 2, devices: [device({ utilisation: 5 }), { index: 1 }] };
    const kept = withHistory(before, news, 10.4);
    assert.deepEqual(kept.devices[0], { index: 0, utilisation: 5, history: [[70, 50, 100], [10, null, 200]] });
    assert.deepEqual(kept.devices[1].history, []);
    assert.deepEqual(withHistory(before, { age: 2, devices: [device({ history: [[0, 1, 1]] })] }, 10).devices[0].history, [[0, 1, 1]]);
    assert.deepEqual(withHistory(null, news, 10).devices[0].history, []);
  });

  test("has a gap where nobody knows, and nothing from before the hour", () => {
    const samples = [[4000, 9, 0], [600, 1, 0], [540, 2, 0], [480, null, 0], [300, 3, 0], [240, 4, 0]];
    assert.deepEqual(partsOf(samples, 1), [[[600, 1], [540, 2]], [[300, 3], [240, 4]]]);
  });
});

describe("the picture", () => {
  test("shows the use, and the memory where the use is not known", () => {
    const use = pictureOf(device({ history: [[120, 10, 500], [60, 90, 700]] }));
    assert.deepEqual([use.isUse, use.low, use.high, use.longest], [true, 10, 90, 120]);
    const memory = pictureOf(device({ history: [[120, null, 500], [60, null, 700]], memory_total_mb: 1000 }));
    assert.deepEqual([memory.isUse, memory.low, memory.high], [false, 500, 700]);
  });

  test("is none of less than two values", () => {
    assert.equal(pictureOf(device({ history: [[60, 50, 0]] })), null);
    assert.equal(pictureOf(device({})), null);
  });

  test("stays in its frame, the latest at the right, a value lasting its minute", () => {
    const history = Array.from({ length: 60 }, (_value, index) => [(59 - index) * 60, index === 30 ? 400 : index, 0]);
    const { lines } = pictureOf(device({ history }));
    assert.equal(lines.length, 1);
    for (const [x, y] of points(lines[0].area)) {
      assert.ok(x >= 0 && x <= WIDTH, String(x));
      assert.ok(y >= 0 && y <= HEIGHT, String(y));
    }
    const line = points(lines[0].line);
    assert.equal(line.at(-1)[0], WIDTH);
    assert.equal(line.at(-1)[1], line.at(-2)[1]);
    assert.equal(line.length, 61);
  });

  test("of a session that has just begun leaves room for ten minutes", () => {
    const [{ line }] = pictureOf(device({ history: [[60, 0, 0], [0, 100, 0]] })).lines;
    assert.deepEqual(points(line), [[54, 19], [60, 1], [60, 1]]);
  });
});
