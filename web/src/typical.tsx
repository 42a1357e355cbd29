import type { Alert } from '../../src/domain/alert.js';

/** The nearest typical transaction: what would have had to be otherwise. */
export const Typical = ({ alert }: { alert: Alert }) =>
  alert.typical && (
    <p className="typical">
      <span className="badge">nearest typical</span> {alert.typical.text.replace(/^w/, 'W')}.
    </p>
  );
