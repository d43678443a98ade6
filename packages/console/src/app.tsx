import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { LiveUpdates } from './api/live-updates';
import { queryClient } from './api/query-client';
import { SignIn } from './auth/sign-in';
import { SignInContext } from './auth/sign-in-context';
import { SignInPage } from './auth/sign-in-page';
import { useSession } from './auth/use-session';
import { LoadingPage } from './components/loading';
import { UnreachablePage } from './components/unreachable-page';
import { loadPages, router } from './router';

/** Milliseconds from the sign-in until the other pages are loaded: the first one comes first. */
const LOAD_PAGES_MS = 1_000;

/** The sign-in page, or the page that the URL names if the person is signed in. */
export function App() {
  const [signIn, setSignIn] = useState<SignIn | 'failed'>();
  useEffect(() => {
    SignIn.start().then(setSignIn, () => {
      setSignIn('failed');
    });
  }, []);
  if (signIn === 'failed') return <UnreachablePage />;
  return signIn ? (
    <SignInContext value={signIn}>
      <Pages />
    </SignInContext>
  ) : (
    <LoadingPage />
  );
}

function Pages() {
  const state = useSession();
  const isSignedIn = state.status === 'signed_in';
  // The next person must not see data of this one.
  useEffect(() => {
    if (!isSignedIn) queryClient.clear();
  }, [isSignedIn]);
  useEffect(() => {
    if (!isSignedIn) return;
    const timer = setTimeout(loadPages, LOAD_PAGES_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isSignedIn]);
  if (state.status === 'starting') return <LoadingPage />;
  if (state.status === 'signed_out') return <SignInPage reason={state.reason} />;
  return (
    <QueryClientProvider client={queryClient}>
      <LiveUpdates>
        <RouterProvider router={router} />
      </LiveUpdates>
    </QueryClientProvider>
  );
}
