import { queryOptions } from "@tanstack/react-query";

import { api, held, type Schemas } from "../../api/client";
import { momentsOf, type Period } from "./period";

export type Question = Schemas["QuestionView"];
export type Answer = Schemas["QuestionAnswer"];

/** All that can be asked: as fixed as the program. */
export const questions = queryOptions({
  queryKey: ["questions"],
  queryFn: () => held(api.GET("/questions")),
  staleTime: Infinity,
});

/** An answer. It is asked for once and again when somebody wants it: looking back takes the database's time. */
export const answer = (name: string, period: Period) =>
  queryOptions({
    queryKey: ["questions", name, period],
    queryFn: async () => {
      const query = { ...momentsOf(period), format: "json" as const };
      // The other form of the answer is asked for by its address.
      return (await held(api.GET("/questions/{name}", { params: { path: { name }, query } }))) as Answer;
    },
    staleTime: 60_000,
    refetchOnWindowFocus: false,
    placeholderData: (before) => (before?.name === name ? before : undefined),
  });

/** Where an answer lies as a file: about the very time that is shown. */
export function fileOf({ name, since, until }: Answer, format: "csv" | "json"): string {
  return `/questions/${name}?${new URLSearchParams({ since, until, format }).toString()}`;
}
