import type { Customer } from './customers.js';
import type { Merchant, PaymentChannel } from './merchants.js';

/** A payment of the world, before it becomes a record. */
export interface Payment {
  readonly occurredAtMs: number;
  readonly customer: Customer;
  readonly merchant: Merchant;
  readonly amountMinor: number;
  readonly channel: PaymentChannel;
}

/** A record with the columns of `config/schemas/demo.yaml`, ready for JSON; nothing in it tells fraud. */
export interface DemoTransaction {
  readonly id: string;
  readonly occurred_at: string;
  readonly customer: string;
  readonly merchant: string;
  /** Decimal string with two digits. */
  readonly amount: string;
  readonly currency: string;
  readonly category: string;
  readonly channel: PaymentChannel;
  readonly country: string;
}

const decimal = (amountMinor: number): string => `${Math.floor(amountMinor / 100)}.${String(amountMinor % 100).padStart(2, '0')}`;

export const toRecord = (payment: Payment, id: string): DemoTransaction => ({
  id,
  occurred_at: new Date(payment.occurredAtMs).toISOString(),
  customer: payment.customer.id,
  merchant: payment.merchant.id,
  amount: decimal(payment.amountMinor),
  currency: payment.customer.currency,
  category: payment.merchant.category,
  channel: payment.channel,
  country: payment.merchant.country,
});
