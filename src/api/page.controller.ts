import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ApiSettings } from './api-settings.js';
import { Problem } from './problem.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface StaticFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** The built page, read once and kept in memory: a name that is not in the map does not exist, so there is no path to climb. */
@Controller()
export class PageController {
  private files: ReadonlyMap<string, StaticFile> | null = null;

  constructor(private readonly settings: ApiSettings) {}

  @Get()
  index(@Req() request: Request, @Res() response: Response): void {
    if (!this.page().has('index.html'))
      throw new Problem(503, 'Page not built', 'The page is not built: run "npm run build" and start again');
    response.set('Cache-Control', 'no-cache');
    this.send('index.html', request, response);
  }

  /** Vite puts a hash of the content into these names, so they may be kept for ever. */
  @Get('assets/:name')
  asset(@Param('name') name: string, @Req() request: Request, @Res() response: Response): void {
    if (!this.page().has(`assets/${name}`)) throw new Problem(404, 'Not Found', `There is no asset ${name}`);
    response.set('Cache-Control', 'public, max-age=31536000, immutable');
    this.send(`assets/${name}`, request, response);
  }

  private send(name: string, request: Request, response: Response): void {
    const file = this.page().get(name)!;
    const zipped = request.acceptsEncodings('gzip') === 'gzip';
    response.set({ 'Content-Type': file.type, Vary: 'Accept-Encoding', ...(zipped && { 'Content-Encoding': 'gzip' }) });
    response.end(zipped ? file.gzip : file.plain);
  }

  private page(): ReadonlyMap<string, StaticFile> {
    if (this.files !== null && this.files.size > 0) return this.files;
    const root = this.settings.webRoot;
    const assets = existsSync(join(root, 'assets')) ? readdirSync(join(root, 'assets')).map((name) => `assets/${name}`) : [];
    const names = [...(existsSync(join(root, 'index.html')) ? ['index.html'] : []), ...assets];
    this.files = new Map(
      names
        .filter((name) => extname(name) in TYPES)
        .map((name) => {
          const plain = readFileSync(join(root, name));
          return [name, { type: TYPES[extname(name)]!, plain, gzip: gzipSync(plain) }];
        }),
    );
    return this.files;
  }
}
