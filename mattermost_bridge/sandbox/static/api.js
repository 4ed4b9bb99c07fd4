// The same API v4 that bots use, called with the token of the chosen person, and the sandbox's control interface.

/** An error answer: its text is the server's message. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.message || body.error || `The server answered ${status}.`);
    this.status = status;
  }
}

async function call(method, url, body, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      signal: AbortSignal.timeout(20000),
    });
  } catch {
    throw new ApiError(0, { message: "The sandbox does not answer. It may be gone for a moment; try again." });
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, data);
  return data;
}

/** Calls of one person. */
export class Api {
  constructor(token) {
    this.token = token;
  }
  get(path) {
    return call("GET", `/api/v4${path}`, undefined, this.token);
  }
  post(path, body) {
    return call("POST", `/api/v4${path}`, body ?? {}, this.token);
  }
  put(path, body) {
    return call("PUT", `/api/v4${path}`, body, this.token);
  }
  remove(path) {
    return call("DELETE", `/api/v4${path}`, undefined, this.token);
  }
}

export const cast = () => call("GET", "/sandbox/page/cast");
export const login = (username) => call("POST", "/sandbox/page/login", { username });
export const control = (method, path, body) => call(method, `/sandbox/control/${path}`, body);
