// The WebSocket of the chosen person: authenticates, asks for statuses as a heartbeat, and comes back when cut.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;
const HEARTBEAT = 8000;
const PATIENCE = 6000;

export class Live {
  /** `on.event(name, data, broadcast)`, `on.state("connecting" | "live")`, `on.statuses(map)`. */
  constructor(token, on) {
    this.token = token;
    this.on = on;
    this.wait = FIRST_WAIT;
    this.stopped = false;
    this.open();
  }

  open() {
    this.on.state("connecting");
    this.seq = 0;
    this.replies = new Map();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v4/websocket`);
    this.socket = socket;
    socket.onopen = () => this.send("authentication_challenge", { token: this.token });
    socket.onmessage = (message) => this.read(JSON.parse(message.data));
    socket.onclose = () => this.closed(socket);
  }

  read(frame) {
    if (frame.event === "hello") {
      this.wait = FIRST_WAIT;
      this.on.state("live");
      this.beat();
    } else if (frame.event) {
      this.on.event(frame.event, frame.data, frame.broadcast);
    } else if (this.replies.has(frame.seq_reply)) {
      this.replies.get(frame.seq_reply)(frame);
      this.replies.delete(frame.seq_reply);
    }
  }

  send(action, data, reply) {
    this.seq += 1;
    if (reply) this.replies.set(this.seq, reply);
    if (this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify({ seq: this.seq, action, data }));
    }
  }

  /** An open socket proves nothing, so an action is sent now and then; without an answer the socket is given up. */
  beat() {
    clearTimeout(this.timer);
    const socket = this.socket;
    const giveUp = setTimeout(() => this.closed(socket), PATIENCE);
    this.send("get_statuses", {}, (frame) => {
      clearTimeout(giveUp);
      if (frame.status === "OK") this.on.statuses(frame.data);
      this.timer = setTimeout(() => this.beat(), HEARTBEAT);
    });
  }

  typing(channelId, rootId) {
    this.send("user_typing", { channel_id: channelId, parent_id: rootId });
  }

  closed(socket) {
    if (socket !== this.socket || this.stopped) return;
    this.socket = null;
    socket.close();
    clearTimeout(this.timer);
    this.on.state("connecting");
    this.timer = setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 1.7, LONGEST_WAIT);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }
}
