import type { RoleChange } from '../../src/store/model-views.js';
import { dayAndTime } from './format.js';

const WORDS: Readonly<Record<RoleChange['kind'], string>> = {
  promote: 'promoted',
  rollback: 'rolled back to',
  challenge: 'made a challenger',
  relieve: 'relieved',
  retire: 'retired',
};

export const RoleLog = ({ changes }: { changes: readonly RoleChange[] }) => (
  <section aria-labelledby="log-title">
    <h3 id="log-title">
      Changes of roles <small>newest first</small>
    </h3>
    {changes.length === 0 ? (
      <p className="muted">None yet.</p>
    ) : (
      <div className="scroll" tabIndex={0} role="region" aria-label="Changes of roles as a table">
        <table className="log">
          <thead>
            <tr>
              <th scope="col">Time, UTC</th>
              <th scope="col">What</th>
              <th scope="col">Version</th>
              <th scope="col">In place of</th>
              <th scope="col">By</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((change) => (
              <tr key={change.id}>
                <td>{dayAndTime(Date.parse(change.at))}</td>
                <td>{WORDS[change.kind] ?? change.kind}</td>
                <th scope="row">{change.version}</th>
                <td>{change.replaced ?? '–'}</td>
                <td>{change.by}</td>
                <td className="why">{change.why}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </section>
);
