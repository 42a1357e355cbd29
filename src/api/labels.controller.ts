import { Body, Controller, HttpCode, Post, Query } from '@nestjs/common';
import { LabelIntake } from './label-intake.js';
import { LabelsBody, NoQuery } from './requests.js';
import { ZodPipe } from './zod.pipe.js';

@Controller('v1/labels')
export class LabelsController {
  constructor(private readonly intake: LabelIntake) {}

  @Post()
  @HttpCode(200)
  append(@Body(new ZodPipe(LabelsBody, 422)) body: LabelsBody, @Query(new ZodPipe(NoQuery)) _query: unknown) {
    return this.intake.append(body);
  }
}
