export interface ServerEvent {
  /** Its place in the stream, to come back to; absent: none. */
  readonly id: string | undefined;
  readonly name: string;
  readonly data: string;
}

/** Server-sent events by `fetch`, because EventSource cannot send the key. */
export async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<ServerEvent> {
  let text = '';
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const field = (name: string): string | undefined => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const name = field('event');
      const data = field('data');
      if (name !== undefined && data !== undefined) yield { id: field('id'), name, data };
    }
  }
}
