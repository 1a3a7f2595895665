//! A catalogue that no code knows: sixteen unrelated actions of an imagined house, and its machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_planning::planner::{PlanningInput, Turn};
use chiffon_plans::domain::catalogue::{Catalogue, CatalogueAction};
use chiffon_plans::domain::fleet::Fleet;
use chiffon_protocol::ActionSpec;
use chiffon_protocol::canonical::sha256_hex;
use uuid::Uuid;

const HEAD: &str = "agent_type: infrastructure\ncheck: full\ntimeout_seconds: 120\ntarget: {parameter: host}\n";

const ACTIONS: &[&str] = &[
    r#"
name: create_dns_record
title: Create a DNS record
description: Puts a name into the zone of the local resolver.
examples: ["add a dns record for wiki.lan pointing to 10.0.0.9 on gate"]
aliases: {dns: [domain, hostname entry, name server], address: [ip, target address], name: [fqdn]}
parameters: {type: object, required: [host, name, address], properties: {host: {type: string, format: inventory-host}, name: {type: string, pattern: "^[a-z0-9.-]+$"}, address: {type: string, format: ipv4}, ttl_seconds: {type: integer, default: 300, minimum: 30}}}
risk: low"#,
    r#"
name: delete_dns_record
title: Delete a DNS record
description: Takes a name out of the zone of the local resolver.
examples: ["delete the dns record wiki.lan on gate"]
aliases: {dns: [domain, hostname entry]}
parameters: {type: object, required: [host, name], properties: {host: {type: string, format: inventory-host}, name: {type: string, pattern: "^[a-z0-9.-]+$"}}}
risk: destructive"#,
    r#"
name: backup_database
title: Back up a database
description: Dumps a database to the vault.
examples: ["back up the orders database on pluto"]
aliases: {database: [db, postgres, tables], keep_days: [retention]}
parameters: {type: object, required: [host, database], properties: {host: {type: string, format: inventory-host}, database: {type: string, pattern: "^[a-z_]+$"}, keep_days: {type: integer, default: 7, minimum: 1, maximum: 365}, compress: {type: boolean, default: false}}}
risk: low"#,
    r#"
name: restore_database
title: Restore a database
description: Overwrites a database with its newest dump.
examples: ["restore the orders database on pluto"]
aliases: {database: [db, postgres, tables]}
parameters: {type: object, required: [host, database], properties: {host: {type: string, format: inventory-host}, database: {type: string, pattern: "^[a-z_]+$"}}}
risk: destructive"#,
    r#"
name: add_vpn_peer
title: Add a VPN peer
description: Makes a WireGuard key pair for a device and lets it in.
examples: ["add a vpn peer called tablet on gate"]
aliases: {vpn: [wireguard, tunnel], peer_name: [device, client], allowed_networks: [networks, subnets]}
parameters: {type: object, required: [host, peer_name], properties: {host: {type: string, format: inventory-host}, peer_name: {type: string, pattern: "^[a-z0-9-]+$"}, full_tunnel: {type: boolean, default: false}}}
risk: medium"#,
    r#"
name: revoke_vpn_peer
title: Revoke a VPN peer
description: Locks a device out.
examples: ["revoke the vpn peer tablet on gate"]
aliases: {vpn: [wireguard, tunnel], peer_name: [device, client]}
parameters: {type: object, required: [host, peer_name], properties: {host: {type: string, format: inventory-host}, peer_name: {type: string, pattern: "^[a-z0-9-]+$"}}}
risk: destructive"#,
    r#"
name: start_game_server
title: Start a game server
description: Runs a server for an evening with friends.
examples: ["start a factorio server on pluto for 8 players"]
aliases: {game: [title], players: [people, friends, slots]}
parameters: {type: object, required: [host, game], properties: {host: {type: string, format: inventory-host}, game: {enum: [minecraft, factorio, valheim]}, players: {type: integer, default: 4, minimum: 1, maximum: 64}, port: {type: integer, default: 25565, minimum: 1024, maximum: 65535}, difficulty: {enum: [peaceful, normal, hard], default: normal}}}
risk: medium"#,
    r#"
name: stop_game_server
title: Stop a game server
description: Ends a game and keeps its world.
examples: ["stop the factorio server on pluto"]
parameters: {type: object, required: [host, game], properties: {host: {type: string, format: inventory-host}, game: {enum: [minecraft, factorio, valheim]}}}
risk: medium"#,
    r#"
name: find_printers
title: Find printers
description: Looks for printers in the network that a machine sees. Changes nothing.
examples: ["which printers are there around desk"]
aliases: {printers: [printer]}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}
outputs: {properties: {found: {type: array, items: {type: object}, provides: printers}}, required: [found]}
risk: read_only"#,
    r#"
name: set_up_print_queue
title: Set up a print queue
description: Shares printers with everybody in the house.
examples: ["set up a print queue for our printers on desk"]
aliases: {queue: [spooler, cups], printers: [printer]}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}, printers: {type: array, default: [], items: {type: object}, accepts: printers}, duplex: {type: boolean, default: true}}}
risk: medium"#,
    r#"
name: install_fonts
title: Install fonts
description: Puts typefaces on a desktop.
examples: ["install the fonts inter and lora on desk"]
aliases: {fonts: [font, typeface, typefaces]}
parameters: {type: object, required: [host, fonts], properties: {host: {type: string, format: inventory-host}, fonts: {type: array, minItems: 1, items: {type: string, pattern: "^[a-z-]+$"}}}}
risk: low"#,
    r#"
name: open_firewall_port
title: Open a firewall port
description: Lets traffic in.
examples: ["open port 8443 in the firewall of gate"]
aliases: {firewall: [nftables, packet filter]}
parameters: {type: object, required: [host, port], properties: {host: {type: string, format: inventory-host}, port: {type: integer, minimum: 1, maximum: 65535}, protocol: {enum: [tcp, udp], default: tcp}, source: {type: string, default: any}}}
risk: high"#,
    r#"
name: reboot_machine
title: Reboot a machine
description: Restarts a whole machine.
examples: ["reboot pluto"]
aliases: {reboot: [power cycle]}
parameters: {type: object, required: [host], properties: {host: {type: array, items: {type: string, format: inventory-host}, minItems: 1}, delay_minutes: {type: integer, default: 0, minimum: 0, maximum: 60}}}
risk: high"#,
    r#"
name: temperature_report
title: Report temperatures
description: Tells how hot the sensors of a machine are. Changes nothing.
examples: ["how hot is pluto", "show the temperatures of pluto"]
aliases: {temperature: [heat, thermal, hot, sensors]}
parameters: {type: object, required: [host], properties: {host: {type: string, format: inventory-host}}}
risk: read_only"#,
    r#"
name: renew_certificate
title: Renew a certificate
description: Gets a fresh TLS certificate for a domain.
examples: ["renew the certificate of wiki.example.org on gate"]
aliases: {certificate: [cert, tls, ssl], contact: [mail, email]}
parameters: {type: object, required: [host, domain], properties: {host: {type: string, format: inventory-host}, domain: {type: string, format: hostname}, contact: {type: string, format: email}, staging: {type: boolean, default: false}}}
risk: medium"#,
    r#"
name: watch_pages
title: Watch web pages
description: Tells when a web page is gone.
examples: ["watch https://example.org from gate"]
aliases: {pages: [sites, websites]}
parameters: {type: object, required: [host, pages], properties: {host: {type: string, format: inventory-host}, pages: {type: array, minItems: 1, items: {$ref: "types#/portal"}, accepts: portals}, every_minutes: {type: integer, default: 5, minimum: 1}}}
risk: low"#,
];

/// An action as an agent would announce it.
pub fn action(yaml: &str) -> CatalogueAction {
    let spec = ActionSpec::from_yaml(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    CatalogueAction { sha256: sha256_hex(&spec), spec: spec.into() }
}

/// The imagined house's actions.
pub fn catalogue() -> Catalogue {
    static READ: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(ACTIONS.iter().map(|text| action(&format!("{text}\n{HEAD}")))));
    READ.clone()
}

/// The planner of this test, which indexes a catalogue once and not for each sentence.
pub fn planner() -> OfflinePlanner {
    thread_local! {
        static PLANNER: OfflinePlanner = OfflinePlanner::new();
    }
    PLANNER.with(OfflinePlanner::clone)
}

/// Its machines.
pub fn fleet() -> Fleet {
    hosts(&["gate", "pluto", "desk"], &[("laptops", &["lap1", "lap2"])])
}

/// An inventory.
pub fn hosts(single: &[&str], groups: &[(&str, &[&str])]) -> Fleet {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let mut all = names(single);
    let mut map: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (group, members) in groups {
        all.extend(names(members));
        map.insert((*group).to_owned(), names(members));
    }
    map.insert("all".to_owned(), all);
    Fleet::new(map)
}

/// A first request.
pub fn request(text: &str, catalogue: &Arc<Catalogue>, fleet: &Arc<Fleet>) -> PlanningInput {
    PlanningInput {
        request_id: Uuid::nil(),
        round: 1,
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span: None,
        text: text.to_owned(),
        conversation: vec![Turn { from_user: true, text: text.to_owned() }],
        catalogue: Arc::clone(catalogue),
        fleet: Arc::clone(fleet),
        previous: None,
        budget_left: None,
    }
}
