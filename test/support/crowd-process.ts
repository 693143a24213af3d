/*
 * The process of a `Crowd`: many light clients, each one plain socket. They hold connections, write down what they are
 * sent and answer nothing.
 */
import { connect, type Socket } from "node:net";
import { clientText } from "./client-frame.ts";
import type { CrowdOrder, CrowdReport } from "./crowd.ts";

/** How many connect at the same time. */
const AT_ONCE = 256;
const UPGRADE =
  "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** One client, and all that it was sent behind the response to its upgrade. */
class Extra {
  readonly socket: Socket;
  isOpen = true;
  #received: Buffer = Buffer.alloc(0);
  #wake = (): void => {};

  constructor({ host, port }: CrowdOrder) {
    this.socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk: Buffer) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    for (const event of ["end", "close"])
      this.socket.on(event, () => {
        this.isOpen = false;
        this.#wake();
      });
  }

  /** The payloads of the frames that came, as text. */
  get payloads(): string[] {
    const payloads: string[] = [];
    for (let at = 0; at < this.#received.length; ) {
      const short = this.#received.readUInt8(at + 1);
      const start = at + (short < 126 ? 2 : 4);
      const end = start + (short < 126 ? short : this.#received.readUInt16BE(at + 2));
      payloads.push(this.#received.toString("latin1", start, end));
      at = end;
    }
    return payloads;
  }

  async begin({ begins, path }: CrowdOrder): Promise<void> {
    await new Promise((resolve) => this.socket.once("connect", resolve).once("close", resolve));
    if (begins === "nothing") return;
    this.socket.write(`GET ${path} HTTP/1.1\r\n`);
    if (begins === "half a request") return;
    this.socket.write(UPGRADE);
    await this.#take("\r\n\r\n");
    if (begins === "half a handshake") this.socket.write(clientText('{"protocol":"json"'));
    if (!begins.startsWith("as ")) return;
    this.socket.write(clientText(`{"protocol":"${begins.slice("as ".length)}","version":1}\x1e`));
    await this.#take("{}\x1e");
  }

  /** Waits for text, and forgets all up to its end. */
  async #take(text: string): Promise<void> {
    while (this.isOpen && !this.#received.includes(text))
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const end = this.#received.indexOf(text) + text.length;
    this.#received = Buffer.from(this.#received.subarray(end));
  }
}

const crowd: Extra[] = [];

async function gather(order: CrowdOrder): Promise<void> {
  let left = order.count;
  const gatherSome = async (): Promise<void> => {
    while (left-- > 0) {
      const extra = new Extra(order);
      crowd.push(extra);
      await extra.begin(order);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, gatherSome));
}

function report(): CrowdReport {
  const heard: Record<string, number> = {};
  for (const { payloads } of crowd) {
    const all = payloads.join("|");
    heard[all] = (heard[all] ?? 0) + 1;
  }
  return { open: crowd.filter(({ isOpen }) => isOpen).length, heard };
}

process.on("message", (order: CrowdOrder | "report") => {
  if (order === "report") process.send?.(report());
  else void gather(order).then(() => process.send?.(report()));
});
process.on("disconnect", () => process.exit());
