import { isIPv6 } from 'node:net';

const ADDRESS = /^\[([^\]]*)\](?::(\d*))?$/;
const NAME = /^(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*(?::(\d*))?$/;

/** Whether a text is `host [":" port]` of RFC 3986 section 3.2. An empty host is valid. */
export function isHost(text: string): boolean {
  const [, address, portOfAddress] = ADDRESS.exec(text) ?? [];
  if (address !== undefined) return isIPv6(address) && isPort(portOfAddress);
  const name = NAME.exec(text);
  return name !== null && isPort(name[1]);
}

function isPort(port = ''): boolean {
  return Number(port) <= 65_535;
}
