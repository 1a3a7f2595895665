import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { isSignedOut, Problem } from "./api/problem";
import { router } from "./router";
import { applyTheme } from "./shell/theme";
import "./styles/base.css";

applyTheme();

const queries = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // Several calls fail at once; where one wanted to be is said by the first.
      if (isSignedOut(error) && !location.pathname.startsWith("/ui/signin"))
        void router.navigate({ to: "/signin", search: { to: router.state.location.publicHref } });
    },
  }),
  defaultOptions: {
    queries: {
      // A refusal stays one; what could not be reached is tried again.
      retry: (failures, error) => !(error instanceof Problem) && failures < 3,
      refetchOnWindowFocus: true,
      staleTime: 1_000,
      // A browser that is cut off fails and says so, in place of waiting without a word.
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} context={{ queries }} />
    </QueryClientProvider>
  </StrictMode>,
);
