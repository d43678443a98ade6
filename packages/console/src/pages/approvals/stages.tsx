import type { Approval } from '@agent-mesh/client';
import { Section } from '../../components/section';
import { texts } from '../../texts';
import classes from './stages.module.css';

const t = texts.approval;

/** The stages of the approval, if there are several: done, this one, and those to come. */
export function Stages({ approval: { stages, stage, status } }: { approval: Approval }) {
  if (stages.length < 2) return null;
  const stateOf = (number: number): 'done' | 'now' | 'next' => {
    if (number < stage) return 'done';
    return number === stage ? (status === 'approved' ? 'done' : 'now') : 'next';
  };
  return (
    <Section title={t.stages}>
      <ol className={classes.stages}>
        {stages.map((role, index) => (
          <li key={role + String(index)} className={classes.stage} data-state={stateOf(index + 1)}>
            <bdi>{role}</bdi>
            <span className={classes.state}>{t.stageStates[stateOf(index + 1)]}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}
