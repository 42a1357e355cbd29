import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { requireFreePort } from './free-port.js';

const HOST = '127.0.0.1';

test('a taken port is refused with what to do; freed, it is left free', async () => {
  const other = createServer().listen(0, HOST);
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await expect(requireFreePort(port, HOST)).rejects.toThrow(
    `PORT=${port} is taken by another program; set PORT to a free one (0 takes any)`,
  );
  other.close();
  await once(other, 'close');
  await requireFreePort(port, HOST);
  await requireFreePort(port, HOST);
});

test('an address of another machine is refused by the name of its setting', async () => {
  await expect(requireFreePort(3000, '192.0.2.1')).rejects.toThrow('service.http.host "192.0.2.1" is no address of this machine');
});
