import { useId, useRef, type ReactNode } from "react";

import { asGroup, asList, asText, fill, type Mistakes, type Raw } from "./filled";
import type { Shape } from "./shape";

interface Props {
  shape: Shape;
  raw: Raw | undefined;
  place: string;
  mistakes: Mistakes;
  /** Names of the inventory, to choose from. */
  hosts: string[];
  change: (place: string, raw: Raw) => void;
}

/** The id of the control at a place. */
export const idOf = (place: string): string => `field-${place}`;

/** One parameter, or a part of one. */
export function Field(props: Props) {
  if (props.shape.kind === "list") return <Items {...props} />;
  if (props.shape.kind === "group") return <Group {...props} />;
  return <Single {...props} />;
}

function told(value: unknown): string {
  if (value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0)) return "nothing";
  return typeof value === "string"
    ? value
    : typeof value === "boolean"
      ? value
        ? "yes"
        : "no"
      : JSON.stringify(value);
}

function About({ shape, id }: { shape: Shape; id: string }) {
  const { description, rules, standard, secret, kind } = shape;
  const rest = [
    ...(secret ? ["a secret: say secret://NAME, its value stays with the agent"] : []),
    ...(kind === "json" ? ["written as JSON"] : []),
    ...rules,
    ...(standard === undefined ? [] : [`left empty, it is ${told(standard)}`]),
  ];
  if (description === "" && rest.length === 0) return null;
  return (
    <p id={id} className="faint form-about">
      {description} {rest.length > 0 && <span>({rest.join("; ")})</span>}
    </p>
  );
}

function Wrong({ id, message }: { id: string; message: string | undefined }) {
  if (message === undefined) return null;
  return (
    <p id={id} className="form-wrong">
      {message}
    </p>
  );
}

function Needed({ shape }: { shape: Shape }) {
  return shape.required && shape.standard === undefined ? <span className="actions-needed">needed</span> : null;
}

function Single({ shape, raw, place, mistakes, hosts, change }: Props) {
  const id = idOf(place);
  const wrong = mistakes[place];
  const common = {
    id,
    value: asText(raw),
    "aria-describedby": `${id}-about ${id}-wrong`,
    "aria-invalid": wrong !== undefined,
    "aria-required": shape.required && shape.standard === undefined,
    onChange: ({ target }: { target: { value: string } }) => change(place, target.value),
  };
  return (
    <div className="form-field">
      <label htmlFor={id}>
        <span>
          {shape.label} <Needed shape={shape} />
        </span>
      </label>
      <Control shape={shape} common={common} hosts={hosts} />
      <Wrong id={`${id}-wrong`} message={wrong} />
      <About shape={shape} id={`${id}-about`} />
    </div>
  );
}

interface Common {
  id: string;
  value: string;
  onChange: (event: { target: { value: string } }) => void;
}

function Control({ shape, common, hosts }: { shape: Shape; common: Common; hosts: string[] }): ReactNode {
  const names = useId();
  const none =
    shape.standard === undefined ? (shape.required ? "choose…" : "not said") : `${told(shape.standard)} (usual)`;
  switch (shape.kind) {
    case "choice":
      return (
        <select {...common}>
          <option value="">{none}</option>
          {shape.choices.map((choice, at) => (
            <option key={at} value={String(at)}>
              {told(choice)}
            </option>
          ))}
        </select>
      );
    case "yesno":
      return (
        <select {...common}>
          <option value="">{none}</option>
          <option value="yes">yes</option>
          <option value="no">no</option>
        </select>
      );
    case "lines":
      return <textarea rows={8} spellCheck={false} className="form-code" {...common} />;
    case "json":
      return <textarea rows={3} spellCheck={false} className="form-code" {...common} />;
    case "host":
      return (
        <>
          <input type="text" list={names} autoComplete="off" spellCheck={false} {...common} />
          <datalist id={names}>
            {hosts.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </>
      );
    default: {
      const isNumber = shape.kind === "integer" || shape.kind === "number";
      const usual = shape.standard === undefined || shape.standard === "" ? undefined : told(shape.standard);
      return (
        <input
          type="text"
          inputMode={shape.kind === "integer" ? "numeric" : isNumber ? "decimal" : undefined}
          placeholder={shape.secret ? "secret://NAME" : usual}
          autoComplete="off"
          spellCheck={false}
          {...common}
        />
      );
    }
  }
}

function Group({ shape, raw, place, mistakes, hosts, change }: Props) {
  const id = idOf(place);
  const inside = asGroup(raw);
  return (
    <fieldset id={id} tabIndex={-1} className="form-group" aria-describedby={`${id}-about ${id}-wrong`}>
      <legend>
        {shape.label} <Needed shape={shape} />
      </legend>
      <About shape={shape} id={`${id}-about`} />
      <Wrong id={`${id}-wrong`} message={mistakes[place]} />
      {shape.members.map((member) => (
        <Field
          key={member.name}
          shape={member}
          raw={inside[member.name]}
          place={`${place}.${member.name}`}
          mistakes={mistakes}
          hosts={hosts}
          change={change}
        />
      ))}
    </fieldset>
  );
}

function Items({ shape, raw, place, mistakes, hosts, change }: Props) {
  const id = idOf(place);
  const more = useRef<HTMLButtonElement>(null);
  const { item } = shape;
  if (item === undefined) return null;
  const items = asList(raw);
  const add = () => {
    change(place, [...items, fill(item, undefined)]);
    // The new field is there with the next drawing.
    requestAnimationFrame(() => {
      const added = document.getElementById(idOf(`${place}.${items.length}`));
      (added?.querySelector<HTMLElement>("input, select, textarea") ?? added)?.focus();
    });
  };
  const drop = (at: number) => {
    change(
      place,
      items.filter((_, other) => other !== at),
    );
    more.current?.focus();
  };
  return (
    <fieldset id={id} tabIndex={-1} className="form-group" aria-describedby={`${id}-about ${id}-wrong`}>
      <legend>
        {shape.label} <Needed shape={shape} />
      </legend>
      <About shape={shape} id={`${id}-about`} />
      <Wrong id={`${id}-wrong`} message={mistakes[place]} />
      {items.map((one, at) => (
        <div key={at} className="form-item">
          <Field
            shape={{ ...item, label: `${shape.label} ${at + 1}`, required: false, rules: [] }}
            raw={one}
            place={`${place}.${at}`}
            mistakes={mistakes}
            hosts={hosts}
            change={change}
          />
          <button type="button" className="quiet" onClick={() => drop(at)}>
            Take away<span className="visually-hidden"> {`${shape.label} ${at + 1}`}</span>
          </button>
        </div>
      ))}
      <button ref={more} type="button" className="form-more" onClick={add}>
        {items.length === 0 ? "Add one" : "Add another"}
        <span className="visually-hidden"> to {shape.label}</span>
      </button>
    </fieldset>
  );
}
