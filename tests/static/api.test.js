// How the pages ask: on a real HTTP server, with what a browser would have.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";

import { ask, askForHtml, serverPath, token, withToken } from "../../share/resource_form/static/common/api.js";

const LOGIN = { status: 200, headers: {}, body: "<form>Log in</form>" };

let server;
let asked;
let answer;

before(async () => {
  server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      asked = { url: request.url, method: request.method, headers: request.headers, body: Buffer.concat(parts).toString() };
      const { status, headers, body } = request.url === "/hub/login" ? LOGIN : answer;
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise((listens) => server.listen(0, "127.0.0.1", listens));
  globalThis.window = { location: { href: `http://127.0.0.1:${server.address().port}/hub/home` } };
});

after(() => new Promise((closed) => server.close(closed)));

beforeEach(() => {
  globalThis.document = { cookie: "" };
  answer = { status: 200, headers: {}, body: "{}" };
});

describe("the token", () => {
  test("is that of the browser as it is now, else the page's own", () => {
    assert.equal(token("own"), "own");
    globalThis.document.cookie = 'other=1; _xsrf="2|now|9"; last=2';
    assert.equal(token("own"), "2|now|9");
    assert.equal(new URL(withToken("/hub/spawn?_xsrf=own&x=1")).search, "?_xsrf=2%7Cnow%7C9&x=1");
  });

  test("goes with every question", async () => {
    await ask("/hub/api/x", { xsrf: "own" });
    assert.equal(asked.headers["x-xsrftoken"], "own");
    assert.equal(asked.headers.accept, "application/json");
    assert.equal(asked.headers["content-type"], undefined);
  });
});

describe("an answer", () => {
  test("has what the Hub says", async () => {
    answer.body = '{"ok": true}';
    const found = await ask("/hub/api/x", { method: "POST", body: { cores: 1 } });
    assert.deepEqual([asked.method, asked.body, asked.headers["content-type"]], ["POST", '{"cores":1}', "application/json"]);
    assert.deepEqual([found.ok, found.status, found.tooOften, found.body], [true, 200, false, { ok: true }]);
  });

  test("may have nothing in it", async () => {
    answer = { status: 204, headers: {} };
    assert.deepEqual((await ask("/hub/api/x", { method: "DELETE" })).body, {});
  });

  test("says that it was asked too often, and when it may be asked again", async () => {
    answer = { status: 429, headers: { "Retry-After": "7" }, body: '{"message": "Wait."}' };
    const found = await ask("/hub/api/x");
    assert.deepEqual([found.ok, found.tooOften, found.again, found.body.message], [false, true, 7, "Wait."]);
    answer.headers = {};
    assert.equal((await ask("/hub/api/x")).again, 1);
  });

  test("of the proxy, while the Hub is away, is no message of the Hub's", async () => {
    answer = { status: 503, headers: {}, body: "<html>away</html>" };
    const found = await ask("/hub/api/x");
    assert.deepEqual([found.ok, found.status, found.body], [false, 503, {}]);
  });

  test("that is good and cannot be read is none", async () => {
    answer.body = "<html>";
    await assert.rejects(ask("/hub/api/x"), SyntaxError);
  });
});

test("who is logged out gets no piece of a page, but is led to the log-in", async () => {
  const address = new URL("/hub/resource-form/availability", globalThis.window.location.href);
  answer.body = "<p>free</p>";
  assert.deepEqual(await askForHtml(address), { html: "<p>free</p>", isLoggedOut: false });
  answer.status = 500;
  assert.deepEqual(await askForHtml(address), { html: null, isLoggedOut: false });
  answer.status = 403;
  assert.deepEqual(await askForHtml(address), { html: null, isLoggedOut: true });
  answer = { status: 302, headers: { Location: "/hub/login" } };
  assert.deepEqual(await askForHtml(address), { html: null, isLoggedOut: true });
});

test("a server's path has its name, and the default one has none", () => {
  assert.equal(serverPath("ada", ""), "users/ada/server");
  assert.equal(serverPath("a@b/c", "gpu one"), "users/a%40b%2Fc/servers/gpu%20one");
});
