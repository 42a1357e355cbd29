import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome', 'microsoft-edge'];
const USUAL_PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/opt/google/chrome/chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * An installed Chromium or Chrome: CHROME_PATH, then PATH, then the usual places.
 *
 * @throws Error one sentence that says what to install or set
 */
export const findBrowser = (environment: NodeJS.ProcessEnv = process.env): string => {
  const stated = environment['CHROME_PATH'];
  if (stated !== undefined && stated !== '') {
    if (isExecutable(stated)) return stated;
    throw new Error(`CHROME_PATH: ${stated} is not an executable file`);
  }
  const onPath = (environment['PATH'] ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const found = [...onPath, ...USUAL_PLACES].find(isExecutable);
  if (found === undefined)
    throw new Error(
      'no Chromium or Chrome was found: install one ("apt-get install chromium") or set CHROME_PATH to its program',
    );
  return found;
};

/** Chromium refuses its sandbox to root. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: findBrowser(),
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  });
