import { createServer, get } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import {
  AddressRefusedError,
  isRefusedLiteral,
  publicLookup,
  refuseHost,
  refuseUrl,
  type Resolver,
} from './webhook-address.js';

/** A resolver that answers each lookup with the next of some lists of addresses. */
function resolverOf(...answers: string[][]): Resolver {
  return (_, __, callback) => {
    const found = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
}

/** Returns the addresses that a connection to a name may use. */
function connect(found: string[], networks: string[] = []): Promise<unknown> {
  return new Promise((resolve, reject) => {
    publicLookup(networks, resolverOf(found))('hooks.example.com', { all: true }, (error, all) => {
      if (error) reject(error);
      else resolve(all);
    });
  });
}

const REFUSED: readonly (readonly [name: string, host: string])[] = [
  ['loopback', '127.0.0.1'],
  ['loopback in short form', '127.1'],
  ['loopback in decimal form', '2130706433'],
  ['loopback in hexadecimal form', '0x7f000001'],
  ['loopback in octal form', '0177.0.0.1'],
  ['the unspecified address', '0.0.0.0'],
  ['this network', '0.1.2.3'],
  ['a private network', '10.0.0.1'],
  ['a private network', '172.31.255.255'],
  ['a private network', '192.168.0.1'],
  ['shared address space, and the metadata service of Alibaba', '100.100.100.200'],
  ['link-local, and the metadata service of AWS, Azure and GCP', '169.254.169.254'],
  ['the metadata service of Azure', '168.63.129.16'],
  ['the metadata service of Oracle', '192.0.0.192'],
  ['a network for benchmarks', '198.18.0.1'],
  ['a network for documentation', '203.0.113.1'],
  ['multicast', '224.0.0.1'],
  ['a reserved network', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['IPv6 loopback', '[::1]'],
  ['the unspecified IPv6 address', '[::]'],
  ['mapped IPv4', '[::ffff:127.0.0.1]'],
  ['mapped IPv4 in hexadecimal form', '[::ffff:a9fe:a9fe]'],
  ['translated IPv4', '[::ffff:0:10.0.0.1]'],
  ['compatible IPv4', '[::10.0.0.1]'],
  ['NAT64', '[64:ff9b::10.0.0.1]'],
  ['local NAT64', '[64:ff9b:1::10.0.0.1]'],
  ['6to4', '[2002:a00:1::]'],
  ['Teredo', '[2001::1]'],
  ['IPv6 link-local', '[fe80::1]'],
  ['IPv6 site-local', '[fec0::1]'],
  ['unique local, and the metadata service of AWS', '[fd00:ec2::254]'],
  ['IPv6 multicast', '[ff02::1]'],
  ['IPv6 for documentation', '[2001:db8::1]'],
];

describe('a literal address', () => {
  it.each(REFUSED)('is refused: %s, %s', async (_, host) => {
    const url = `https://${host}/`;
    expect(isRefusedLiteral(url, [])).toBe(true);
    expect(await refuseHost(url, { allowedNetworks: [], allowHttp: false })).toContain(
      'not public',
    );
  });

  it.each(['1.1.1.1', '93.184.216.34', '[2606:4700:4700::1111]', '[::ffff:1.1.1.1]'])(
    'is accepted: %s',
    (host) => {
      expect(isRefusedLiteral(`https://${host}/`, [])).toBe(false);
    },
  );
});

describe('publicLookup', () => {
  it.each(REFUSED)('refuses a name with an address of %s, %s', async (_, host) => {
    const address = new URL(`https://${host}/`).hostname.replace(/^\[|\]$/g, '');
    await expect(connect([address])).rejects.toBeInstanceOf(AddressRefusedError);
    await expect(connect(['1.1.1.1', address])).rejects.toBeInstanceOf(AddressRefusedError);
  });

  it('refuses an address that it cannot read', async () => {
    await expect(connect(['nonsense'])).rejects.toBeInstanceOf(AddressRefusedError);
  });

  it('returns public addresses, and those of allowed networks of both kinds', async () => {
    expect(await connect(['1.1.1.1'])).toEqual([{ address: '1.1.1.1', family: 4 }]);
    const networks = ['10.20.0.0/16', 'fd12:3456::/32'];
    const internal = ['10.20.1.2', 'fd12:3456::1', '::ffff:10.20.1.2'];
    expect(await connect(internal, networks)).toHaveLength(3);
    await expect(connect(['10.21.0.1'], networks)).rejects.toThrow('not public');
    await expect(connect(['fd12:3457::1'], networks)).rejects.toThrow('not public');
    await expect(connect(['10.20.1.2'], ['::/0'])).rejects.toThrow('not public');
  });

  it('makes no connection when the name leads to 127.0.0.1 after the check', async () => {
    let connections = 0;
    const server = createServer().on('connection', () => (connections += 1));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const resolve = resolverOf(['1.1.1.1'], ['127.0.0.1']);
    // The first answer, when the URL is checked, is public.
    await new Promise((done) => {
      publicLookup([], resolve)('hooks.example.com', { all: true }, done);
    });
    const request = get({ host: 'hooks.example.com', port, lookup: publicLookup([], resolve) });
    const [error] = (await once(request, 'error')) as [Error];
    server.close();

    expect(error).toBeInstanceOf(AddressRefusedError);
    expect(connections).toBe(0);
  });
});

describe('refuseUrl', () => {
  it.each([
    ['https://hooks.example.com/a?b=c', undefined],
    ['http://hooks.example.com/', 'https'],
    ['file:///etc/passwd', 'https'],
    ['https://user@hooks.example.com/', 'credentials'],
    ['https://hooks.example.com/#', undefined],
    ['https://hooks.example.com/#a', 'fragment'],
    ['//hooks.example.com', 'URL'],
  ])('%s: %s', (url, reason) => {
    const refusal = refuseUrl(url, { allowedNetworks: [], allowHttp: false });
    if (reason === undefined) expect(refusal).toBeUndefined();
    else expect(refusal).toContain(reason);
  });

  it('accepts plain HTTP if it is allowed', () => {
    expect(refuseUrl('http://a.test/', { allowedNetworks: [], allowHttp: true })).toBeUndefined();
  });
});
