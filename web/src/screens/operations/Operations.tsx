import { useQuery } from "@tanstack/react-query";

import { Page } from "../../parts/Page";
import { useRows } from "../../parts/rows";
import { Background } from "./Background";
import { DeadLetters } from "./DeadLetters";
import { Health } from "./Health";
import { Invariants } from "./Invariants";
import { Notifications } from "./Notifications";
import { background } from "./queries";
import { Reserved } from "./Reserved";
import { Webhooks } from "./Webhooks";
import "./Operations.css";

export function Operations() {
  const work = useQuery(background);
  useRows("row");
  return (
    <Page title="Operations">
      <Health />
      <DeadLetters />
      <Reserved />
      <Notifications />
      <Webhooks />
      <Background of={work} />
      <Invariants of={work} />
    </Page>
  );
}
