import type { TaskNode } from '@agent-mesh/client';
import { Link } from '@tanstack/react-router';
import { Section } from '../../components/section';
import { Status } from '../../components/status';
import { texts } from '../../texts';
import classes from './subtasks.module.css';

/** The tasks below a task. A task that the person may not see shows its status only. */
export function Subtasks({ tree }: { tree: TaskNode }) {
  return (
    <Section title={texts.task.subtasks}>
      <Nodes nodes={tree.children} />
    </Section>
  );
}

function Nodes({ nodes }: { nodes: readonly TaskNode[] }) {
  return (
    <ul className={classes.nodes}>
      {nodes.map((node) => (
        <li key={node.id}>
          <span className={classes.node}>
            {node.task_type === undefined ? (
              <span>{texts.task.hiddenTask}</span>
            ) : (
              <Link to="/tasks/$id" params={{ id: node.id }}>
                <bdi>{node.task_type}</bdi>
              </Link>
            )}
            {node.from_role !== undefined && (
              <span className={classes.roles}>
                <bdi>{node.from_role}</bdi> → <bdi>{node.to_role}</bdi>
              </span>
            )}
            <Status of={node.status} />
          </span>
          {node.children.length > 0 && <Nodes nodes={node.children} />}
        </li>
      ))}
    </ul>
  );
}
