import { describe, expect, it } from '@jest/globals';
import { networkOf } from './address.js';

describe('The network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
    ['2001:db8::7', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['FE80::1%ETH0', 'fe80:0:0:0'],
    ['192.0.2.7:51234', '192.0.2.7'],
    [' 192.0.2.7 ', '192.0.2.7'],
    ['"192.0.2.7:51234"', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:c000:0207', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:443', '192.0.2.7'],
    ['[2001:db8:1:2::7]', '2001:db8:1:2'],
    ['[2001:DB8:1:2::7]:443', '2001:db8:1:2'],
    ['[fe80::1%eth0]:80', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0'],
    ['unknown', ''],
    ['_hidden', ''],
    ['1.2.3.4.5:80', ''],
    ['[]', ''],
    ['', ''],
    [undefined, ''],
  ])('%s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  it.each(['unknown', '_hidden', '', undefined, '999.1.1.1', '[::1', '1.2.3.4, 5.6.7.8'])(
    'is that of the connection if a proxy names none: %s',
    (address) => {
      expect(networkOf(address, '::ffff:10.0.0.1')).toBe('10.0.0.1');
    },
  );
});
