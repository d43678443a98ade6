import { Argument, type Command } from 'commander';

/** Commands and options by the path of the command: `` for the program, `webhooks create`. */
type Words = ReadonlyMap<string, readonly string[]>;

export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('Print a completion script for a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  bash  mesh completion bash > ~/.local/share/bash-completion/completions/mesh
  zsh   mesh completion zsh > "\${fpath[1]}/_mesh"
  fish  mesh completion fish > ~/.config/fish/completions/mesh.fish`,
    )
    .action((shell: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[shell](wordsOf(program)));
    });
}

const SCRIPTS = { bash, zsh, fish };

function wordsOf(program: Command): Words {
  const words = new Map<string, string[]>();
  const global = optionsOf(program);
  const visit = (command: Command, path: readonly string[]): void => {
    const names = command.commands.map((child) => child.name());
    const options = path.length === 0 ? global : [...optionsOf(command), ...global];
    words.set(path.join(' '), [...names, ...options, '--help']);
    for (const child of command.commands) visit(child, [...path, child.name()]);
  };
  visit(program, []);
  return words;
}

function optionsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => (long == null ? [] : [long]));
}

/** The longest path of commands that the words of the line begin with, and its completions. */
function bash(words: Words): string {
  return `# bash completion for mesh
_mesh() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${pathsOf(words).map(quoted).join(' | ')}) path="\${path:+$path }$word" ;;
    esac
  done
  local words
  case "$path" in
${[...words].map(([path, list]) => `    '${path}') words='${list.join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _mesh mesh
`;
}

function zsh(words: Words): string {
  return `#compdef mesh
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish(words: Words): string {
  const lines = [...words].map(([path, list]) => {
    const names = path.split(' ').filter((name) => name !== '');
    const condition =
      names.length === 0
        ? '__fish_use_subcommand'
        : names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    return `complete -c mesh -n '${condition}' -a '${list.join(' ')}'`;
  });
  return `# fish completion for mesh\n${lines.join('\n')}\n`;
}

function pathsOf(words: Words): string[] {
  return [...words.keys()].filter((path) => path !== '');
}

function quoted(text: string): string {
  return `'${text}'`;
}
