/**
 * Preloaded into some workers (`node --import`): their clock is wrong by up to 20 s and jumps every second, as a machine's
 * does whose time is being set. Timers run on another clock and are not touched.
 */
const AMPLITUDE_MS = 20_000;
const trueNow = Date.now.bind(Date);
let offsetMs = 0;
setInterval(() => (offsetMs = Math.round((Math.random() * 2 - 1) * AMPLITUDE_MS)), 1_000).unref();
Date.now = () => trueNow() + offsetMs;
