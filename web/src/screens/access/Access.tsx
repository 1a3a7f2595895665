import { Page } from "../../parts/Page";
import { Identity } from "./Identity";
import { Keys } from "./Keys";
import { Passwords } from "./Passwords";
import { People } from "./People";
import { Sessions } from "./Sessions";
import { Standing } from "./Standing";
import { Tokens } from "./Tokens";
import { useRows } from "../../parts/rows";
import "./Access.css";

export function Access() {
  useRows("standing approval");
  return (
    <Page title="Access">
      <Identity />
      <Passwords />
      <Sessions />
      <People />
      <Tokens />
      <Keys />
      <Standing />
    </Page>
  );
}
