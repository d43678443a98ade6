import { beforeEach, describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from './circuit-breaker.js';

describe('CircuitBreaker', () => {
  let time: number;
  let sut: CircuitBreaker;

  beforeEach(() => {
    time = 5000;
    sut = new CircuitBreaker(() => time);
  });

  function fail(times: number): void {
    for (let made = 0; made < times; made++) {
      expect(sut.allows()).toBe(true);
      sut.failed();
    }
  }

  it('is closed at first and lets any number of calls through', () => {
    expect(sut.state).toBe('closed');
    expect([sut.allows(), sut.allows(), sut.allows(), sut.allows()]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('stays closed after two failures', () => {
    fail(2);
    expect(sut.state).toBe('closed');
  });

  it('opens at the third failure in a row, and tells so once', () => {
    expect([sut.failed(), sut.failed(), sut.failed(), sut.failed()]).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(sut.state).toBe('open');
    expect(sut.allows()).toBe(false);
  });

  it('counts only failures in a row', () => {
    fail(2);
    sut.succeeded();
    fail(2);
    expect(sut.state).toBe('closed');
  });

  it('refuses for one second and then lets one probe through', () => {
    fail(3);
    time += 999;
    expect(sut.allows()).toBe(false);
    time += 1;
    expect(sut.state).toBe('half_open');
    expect(sut.allows()).toBe(true);
    expect(sut.allows()).toBe(false);
  });

  it('keeps to one probe however long it takes', () => {
    fail(3);
    time += 1000;
    sut.allows();
    time += 60_000;
    expect(sut.state).toBe('half_open');
    expect(sut.allows()).toBe(false);
  });

  it('closes when the probe succeeds, and then takes three failures again', () => {
    fail(3);
    time += 1000;
    sut.allows();
    sut.succeeded();
    expect(sut.state).toBe('closed');
    fail(2);
    expect(sut.state).toBe('closed');
  });

  it('opens for another second when the probe fails', () => {
    fail(3);
    time += 1000;
    sut.allows();
    expect(sut.failed()).toBe(true);
    expect(sut.state).toBe('open');
    time += 999;
    expect(sut.allows()).toBe(false);
    time += 1;
    expect(sut.allows()).toBe(true);
  });

  it('is not kept open by calls that began before and fail late', () => {
    fail(3);
    time += 500;
    sut.failed();
    time += 500;
    expect(sut.state).toBe('half_open');
  });

  it('is not closed by a call that began before and succeeds late', () => {
    fail(3);
    sut.succeeded();
    expect(sut.state).toBe('open');
  });
});
