import { type LookupAddress, type LookupAllOptions, lookup as lookupCallback } from 'node:dns';
import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Why an endpoint must not be called. */
export type Refusal = string;

export interface AddressRules {
  /** Networks, as CIDR, that may be called although they are not public. */
  readonly allowedNetworks: readonly string[];
  /** Whether plain http is allowed, for development. */
  readonly allowHttp: boolean;
}

const LOOKUP_MS = 2_000;

/** Returns why a URL cannot be the URL of an endpoint; undefined if it can. */
export function refuseUrl(text: string, { allowHttp }: AddressRules): Refusal | undefined {
  if (!URL.canParse(text)) return 'It is not a URL.';
  const url = new URL(text);
  if (url.protocol === 'http:' && !allowHttp) return 'It must begin with https:.';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'It must begin with https:.';
  if (url.username !== '' || url.password !== '') return 'It must not contain credentials.';
  if (url.hash !== '') return 'It must not have a fragment.';
  return undefined;
}

/**
 * Returns why the present addresses of the host must not be called; undefined if they may, or if the host has none now.
 * {@link publicLookup} checks the addresses again when a connection is made, because the answer of DNS can change.
 */
export async function refuseHost(url: string, rules: AddressRules): Promise<Refusal | undefined> {
  const addresses = await addressesOf(hostOf(url));
  return addresses.every((address) => isAllowed(address, rules.allowedNetworks))
    ? undefined
    : 'Its host has an address that is not public. WEBHOOK_ALLOWED_NETWORKS can allow a network.';
}

/** Finds all addresses of a host, as `dns.lookup` does. */
export type Resolver = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/** The address that a connection would have must not be called. */
export class AddressRefusedError extends Error {}

/**
 * Returns the `lookup` of a connection. It fails if one of the addresses of the host must not be called, so that no name
 * can lead to an internal service, whatever DNS answered before.
 */
export function publicLookup(
  networks: readonly string[],
  resolve: Resolver = lookupCallback,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) callback(error, '', 0);
      else if (!found.every(({ address }) => isAllowed(address, networks))) {
        callback(new AddressRefusedError('The host has an address that is not public'), '', 0);
      } else if (options.all) callback(null, found);
      else callback(null, found[0]?.address ?? '', found[0]?.family ?? 0);
    });
  };
}

/** Returns whether the host of a URL is a literal address that must not be called: it needs no lookup. */
export function isRefusedLiteral(url: string, networks: readonly string[]): boolean {
  const host = hostOf(url);
  return ipaddr.isValid(host) && !isAllowed(host, networks);
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

async function addressesOf(host: string): Promise<string[]> {
  if (ipaddr.isValid(host)) return [host];
  const timeout = new Promise<[]>((resolve) => setTimeout(resolve, LOOKUP_MS, []).unref());
  const found = lookup(host, { all: true }).catch(() => []);
  return (await Promise.race([found, timeout])).map(({ address }) => address);
}

/** The assigned public addresses of IPv6: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = '2000::/3';
/** Metadata service of Azure: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16 */
const AZURE_METADATA = '168.63.129.16';

/**
 * Whether an address is public (IANA special-purpose registries, as ipaddr.js has them), or in one of the networks. An IPv4
 * address that is mapped to IPv6 counts as IPv4.
 */
function isAllowed(text: string, networks: readonly string[]): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  const isPublic =
    address.range() === 'unicast' &&
    (address.kind() === 'ipv4' || isIn(address, GLOBAL_UNICAST)) &&
    address.toString() !== AZURE_METADATA;
  return isPublic || networks.some((network) => isIn(address, network));
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const [range, bits] = ipaddr.parseCIDR(network);
  return address.kind() === range.kind() && address.match(range, bits);
}
