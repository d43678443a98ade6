import { Link } from '@tanstack/react-router';
import { texts } from '../texts';
import { EmptyState } from './empty-state';
import { PageTitle } from './page-title';

export function NotFoundPage() {
  return (
    <>
      <PageTitle>{texts.notFound.title}</PageTitle>
      <EmptyState title={texts.notFound.text}>
        <Link to="/approvals">{texts.pages.approvals}</Link>
      </EmptyState>
    </>
  );
}
