// Requests to the server: JSON both ways, and in words what went wrong.

const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const TIMEOUT_MS = 60000, LONGEST_WAIT_MS = 60000;
// Not the request's fault: too slow, too many requests, no server behind a proxy, no database.
const PASSING = new Set([401, 408, 425, 429, 502, 503, 504]);

// How long to wait before a request is sent again that has failed so often before.
export const retryMs = (failures) => RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
export const csrfToken = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

class Failure extends Error {
  // ``refused``: final for what was sent; ``fails``: so if it goes on; ``waitMs``: at least.
  constructor(message, properties = {}) {
    super(message);
    Object.assign(this, {refused: false, fails: false, waitMs: 0}, properties);
  }
}

// The server's own words for what went wrong.
async function wordsOf(response) {
  try {
    const {error, detail} = await response.clone().json();
    return error ?? detail ?? "";
  } catch {
    return "";
  }
}

const waitOf = (response) => Math.min(1000 * (Number(response.headers.get("Retry-After")) || 0), LONGEST_WAIT_MS);

// The JSON of an answer, or a Failure.
async function answerOf(response) {
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  if (response.ok && isJson && !response.redirected) return response.json();
  const words = await wordsOf(response), {status} = response;
  const isLoggedOut = response.redirected || status === 401 || response.headers.has("X-Csrf-Failure");
  if (isLoggedOut) throw new Failure("you were logged out; log in in another tab, then load this page again");
  if (PASSING.has(status) || status < 400) throw new Failure(words || `the server answered ${status}`, {waitMs: waitOf(response)});
  throw new Failure(words || `the server answered ${status}`, status < 500 ? {refused: true} : {fails: true});
}

export async function getJson(url) {
  return answerOf(await fetch(url, {headers: {Accept: "application/json"}}));
}

export async function postJson(url, body) {
  const headers = {"Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken()};
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return answerOf(await fetch(url, {method: "POST", body: JSON.stringify(body), headers, signal}));
}
