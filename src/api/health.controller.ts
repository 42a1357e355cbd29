import { Controller, Get, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ApiSettings } from './api-settings.js';

/** Without key: for the machine that restarts the service or sends it traffic. */
@Controller('health')
export class HealthController {
  constructor(private readonly settings: ApiSettings) {}

  @Get('live')
  live() {
    return { ok: true };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) response: Response) {
    const readiness = await this.settings.readiness();
    response.status(readiness.ok ? 200 : 503);
    return readiness;
  }
}
