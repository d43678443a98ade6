import { PageTitle } from '../../components/page-title';
import { texts } from '../../texts';

export function AdminPage() {
  return <PageTitle>{texts.pages.admin}</PageTitle>;
}
