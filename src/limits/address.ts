import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
const GROUPS_OF_A_NETWORK = 4;
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;
const WITH_BRACKETS = /^\[([^\]]*)\](?::\d*)?$/;
const WITH_PORT = /^([^:]*):\d*$/;

/**
 * Returns the key of an address for rate limits: the IPv4 address, or the /64 network of an IPv6 address, because the
 * owner of a /64 network controls all of its 2^64 addresses. Ignores what proxies add to an address: ports, brackets,
 * quotes, zone ids and letter case. An IPv4 address that is mapped to IPv6 counts as the IPv4 address.
 *
 * @param peer address of the connection, used if `address` is not an IP address
 */
export function networkOf(address: string | undefined, peer?: string): string {
  if (address !== undefined && isIPv4(address)) return address;
  const plain = bare(address ?? '');
  if (isIPv4(plain)) return plain;
  if (isIPv6(plain)) return networkOfIPv6(plain);
  const isLast = peer === undefined || peer === address;
  return isLast ? '' : networkOf(peer);
}

/** Returns an address without the parts that do not identify it. */
function bare(address: string): string {
  const text = address.trim().replace(/^"(.*)"$/, '$1');
  const host = WITH_BRACKETS.exec(text)?.[1] ?? WITH_PORT.exec(text)?.[1] ?? text;
  return host.replace(/%.*$/, '').toLowerCase();
}

function networkOfIPv6(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff';
  return isMapped
    ? groups.slice(6).flatMap(bytesOf).join('.')
    : groups.slice(0, GROUPS_OF_A_NETWORK).join(':');
}

/** Returns the eight groups of an IPv6 address in hexadecimal, without leading zeros. */
function groupsOf(address: string): string[] {
  const hexadecimal = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.slice(0, 4).map(Number);
    return [pair(a, b), pair(c, d)].join(':');
  });
  const [head = '', tail = ''] = hexadecimal.split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const gap = hexadecimal.includes('::') ? GROUPS - before.length - after.length : 0;
  return [...before, ...Array<string>(gap).fill('0'), ...after].map((group) =>
    group.replace(/^0+(?=.)/, ''),
  );
}

function pair(high = 0, low = 0): string {
  return (high * 256 + low).toString(16);
}

function bytesOf(group: string): [number, number] {
  const value = parseInt(group, 16);
  return [value >> 8, value & 0xff];
}
