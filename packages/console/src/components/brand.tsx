import icon from '../icon.svg';
import { texts } from '../texts';
import classes from './brand.module.css';

export function Brand() {
  return (
    <span className={classes.brand}>
      <img src={icon} alt="" width={26} height={26} />
      <span>{texts.product}</span>
    </span>
  );
}
