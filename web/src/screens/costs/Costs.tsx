import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";

import { api, held, type Schemas } from "../../api/client";
import { LATER } from "../../api/queries";
import { Page } from "../../parts/Page";
import { Answer } from "../../parts/Section";
import { Stacked } from "../../parts/Stacked";
import { named } from "./months";
import { Offline } from "./Offline";
import "./Costs.css";

type Item = Schemas["CostView"];

const Plot = lazy(() => import("./Plot").then(({ Plot }) => ({ default: Plot })));

const DAY = 86_400_000;
const PERIODS = [
  { name: "the last 3 months", days: 92 },
  { name: "the last year", days: 366 },
  { name: "ever", days: 36_500 },
];

/** What models cost, by month. */
export function Costs() {
  const [days, setDays] = useState(92);
  const costs = useQuery({
    queryKey: ["costs", days],
    queryFn: () =>
      held(api.GET("/costs", { params: { query: { since: new Date(Date.now() - days * DAY).toISOString() } } })),
    refetchInterval: LATER,
    placeholderData: keepPreviousData,
  });
  return (
    <Page
      title="Costs"
      aside={
        <label className="costs-period">
          <span className="visually-hidden">Since when</span>
          <select value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {PERIODS.map((period) => (
              <option key={period.days} value={period.days}>
                {period.name}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <Answer of={costs} what="what models cost">
        {({ items, total_usd }) => (items.length === 0 ? <Offline /> : <Spent items={items} total={total_usd} />)}
      </Answer>
    </Page>
  );
}

/** What small sums are, too. */
function usd(sum: number): string {
  return `${sum.toFixed(sum !== 0 && Math.abs(sum) < 1 ? 4 : 2)} USD`;
}

function Spent({ items, total }: { items: Item[]; total: number }) {
  const months = useMemo(() => byMonth(items), [items]);
  const reserved = items.reduce((sum, item) => sum + item.reserved_usd, 0);
  const calls = items.reduce((sum, item) => sum + item.calls, 0);
  return (
    <>
      <p>
        <strong className="costs-total">{usd(total)}</strong> for {calls.toLocaleString()} calls of models
        {reserved > 0 && <>, and {usd(reserved)} reserved for calls that are under way</>}.
      </p>
      {months.length > 1 && (
        <Suspense fallback={<div className="costs-plot-place" />}>
          <Plot months={months} />
        </Suspense>
      )}
      <Stacked
        name="Costs by month, provider and model"
        columns={["Month", "Provider and model", "Calls", "Tokens", "Cost"]}
      >
        {items.map((item) => (
          <tr key={`${item.month} ${item.provider} ${item.model ?? ""}`}>
            <th scope="row">{named(item.month)}</th>
            <td data-label="Model">
              <span>
                {item.provider} <span className="faint">{item.model ?? "no model named"}</span>
              </span>
            </td>
            <td data-label="Calls">
              <span>
                {item.calls.toLocaleString()} <span className="faint">{item.succeeded.toLocaleString()} of use</span>
              </span>
            </td>
            <td data-label="Tokens">
              <span>
                {item.input_tokens.toLocaleString()} in, {item.output_tokens.toLocaleString()} out
              </span>
            </td>
            <td data-label="Cost">{usd(item.cost_usd)}</td>
          </tr>
        ))}
      </Stacked>
    </>
  );
}

/** Sums of months, oldest first, those without any between them, too. */
function byMonth(items: Item[]): { month: string; usd: number }[] {
  const sums = new Map<string, number>();
  for (const { month, cost_usd } of items) sums.set(month, (sums.get(month) ?? 0) + cost_usd);
  const known = Array.from(sums.keys()).sort();
  const last = new Date(known.at(-1) ?? "");
  const months: { month: string; usd: number }[] = [];
  const at = new Date(known[0] ?? "");
  const of = new Map(Array.from(sums, ([month, sum]) => [new Date(month).getTime(), sum]));
  for (; at <= last; at.setUTCMonth(at.getUTCMonth() + 1))
    months.push({ month: at.toISOString(), usd: of.get(at.getTime()) ?? 0 });
  return months;
}
