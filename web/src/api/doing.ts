import {
  useMutation,
  type UseMutateFunction,
  type UseMutationOptions,
  type UseMutationResult,
} from "@tanstack/react-query";
import { useRef } from "react";

/** Something that is done once at a time: of a double click, the second half does nothing. */
export function useDoing<Done, Said = void>(
  options: UseMutationOptions<Done, Error, Said>,
): UseMutationResult<Done, Error, Said> {
  // That it is under way is shown with the next drawing only, which a fast hand is ahead of.
  const busy = useRef(false);
  const doing = useMutation<Done, Error, Said>({
    ...options,
    onSettled: async (...all) => {
      try {
        await options.onSettled?.(...all);
      } finally {
        busy.current = false;
      }
    },
  });
  const mutate: UseMutateFunction<Done, Error, Said> = (...said) => {
    if (busy.current) return;
    busy.current = true;
    doing.mutate(...said);
  };
  return { ...doing, mutate };
}
