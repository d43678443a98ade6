import { PageTitle } from '../../components/page-title';
import { texts } from '../../texts';

export function OverviewPage() {
  return <PageTitle>{texts.pages.overview}</PageTitle>;
}
