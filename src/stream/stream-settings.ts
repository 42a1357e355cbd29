/** How the consumers work. */
export class StreamSettings {
  constructor(
    /** Records of one database transaction, at most. */
    readonly batchSizeMax = 1_000,
  ) {}
}
