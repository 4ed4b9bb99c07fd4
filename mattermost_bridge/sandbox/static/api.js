// The same API v4 that bots use, called with the token of the chosen person, and the sandbox's control interface.

/** An error answer: its text is the server's message. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.message || body.error || `The server answered ${status}.`);
    this.status = status;
  }
}

async function ask(method, url, body, token, limit = 20000) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    return await fetch(url, { method, headers, body, credentials: "omit", signal: AbortSignal.timeout(limit) });
  } catch {
    throw new ApiError(0, { message: "The sandbox does not answer. It may be gone for a moment; try again." });
  }
}

async function call(method, url, body, token) {
  const answer = await ask(method, url, body === undefined ? undefined : JSON.stringify(body), token);
  return read(answer);
}

async function read(answer) {
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
  /** Upload files to a channel; resolves to what the server knows of them. */
  async upload(channelId, files) {
    const form = new FormData();
    form.append("channel_id", channelId);
    for (const file of files) form.append("files", file, file.name);
    return (await read(await ask("POST", "/api/v4/files", form, this.token, 120000))).file_infos;
  }
  /** A file's bytes, as an address that only this page can read. */
  async file(fileId) {
    const answer = await ask("GET", `/api/v4/files/${fileId}`, undefined, this.token, 120000);
    if (!answer.ok) await read(answer);
    return URL.createObjectURL(await answer.blob());
  }
  remove(path) {
    return call("DELETE", `/api/v4${path}`, undefined, this.token);
  }
}

export const cast = () => call("GET", "/sandbox/page/cast");
export const login = (username) => call("POST", "/sandbox/page/login", { username });
export const control = (method, path, body) => call(method, `/sandbox/control/${path}`, body);
