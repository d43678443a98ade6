import { relative } from 'node:path';

const FOLDER = 'test/long/';

/** Ends a run of long tests with a table: the spec, the property that it proves, its seconds and its result. */
export default class LongRunReporter {
  onRunComplete(_contexts, { testResults }) {
    const rows = testResults.flatMap(({ testFilePath, testResults: tests, testExecError }) => {
      const spec = relative(process.cwd(), testFilePath);
      if (!spec.startsWith(FOLDER)) return [];
      const name = spec.slice(FOLDER.length);
      return testExecError === undefined || tests.length > 0
        ? tests.map((test) => [name, test.fullName, seconds(test.duration), test.status])
        : [[name, 'the file runs', '', 'failed']];
    });
    if (rows.length === 0) return;
    process.once('exit', () => {
      process.stdout.write(table([['spec', 'proves', 'seconds', 'result'], ...rows]));
    });
  }
}

function seconds(milliseconds) {
  return ((milliseconds ?? 0) / 1000).toFixed(1);
}

function table(rows) {
  const [head, ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |\n`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `\n${line(head)}${rule}${body.map(line).join('')}\n`;
}
