import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { multiarch, onPath, unpackDebianPackage } from './debian-packages.js';

/** Starts Chromium: the one on the PATH, or, for root on Debian, the one of the system's package. */
export async function startBrowser(): Promise<Browser> {
  const installed = onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome');
  const { path, env } = installed ? { path: installed, env: {} } : await unpackedChromium();
  return chromium.launch({
    executablePath: path,
    // Root has no sandbox, and /dev/shm can be small in a container.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
    env: { ...process.env, ...env },
  });
}

async function unpackedChromium(): Promise<{ path: string; env: Record<string, string> }> {
  const folder = await unpackDebianPackage('chromium');
  const system = ['usr/lib', 'lib'].map((path) => join(folder, path, multiarch));
  const libraries = [...system, join(folder, 'usr/lib', multiarch, 'pulseaudio')];
  const fonts = join(folder, 'etc/fonts');
  return {
    path: join(folder, 'usr/lib/chromium/chromium'),
    env: {
      LD_LIBRARY_PATH: libraries.join(delimiter),
      // If the system has no fonts, the copy contains some.
      ...(existsSync(fonts) && {
        FONTCONFIG_PATH: fonts,
        XDG_DATA_HOME: join(folder, 'usr/share'),
      }),
    },
  };
}
