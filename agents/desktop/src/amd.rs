//! AMD GPUs through the kernel's `amdgpu` files: https://docs.kernel.org/gpu/amdgpu/driver-misc.html

use std::fs;
use std::path::Path;

use chiffon_protocol::message::Gpu;

/// Where the kernel shows graphics cards.
pub const SYSFS: &str = "/sys/class/drm";
const VENDOR: &str = "0x1002";
const MIB: u64 = 1024 * 1024;

/// The AMD cards under a folder like [`SYSFS`].
pub fn gpus(sysfs: &Path) -> Vec<Gpu> {
    let mut cards: Vec<_> = fs::read_dir(sysfs).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    cards.sort();
    cards.iter().filter_map(|card| gpu(&card.join("device"))).collect()
}

fn gpu(device: &Path) -> Option<Gpu> {
    let is_card =
        device.parent()?.file_name()?.to_str()?.strip_prefix("card").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_card || text(device, "vendor")? != VENDOR {
        return None;
    }
    let (total, used) = (number(device, "mem_info_vram_total")?, number(device, "mem_info_vram_used")?);
    Some(Gpu {
        name: text(device, "product_name").filter(|name| !name.is_empty()).unwrap_or_else(|| "AMD GPU".to_owned()),
        memory_total_mb: total / MIB,
        memory_free_mb: total.saturating_sub(used) / MIB,
        used_percent: text(device, "gpu_busy_percent").and_then(|percent| percent.parse().ok()).unwrap_or(0.0),
        temperature_c: temperature(device),
    })
}

/// The first sensor, in thousandths of a degree.
fn temperature(device: &Path) -> Option<f64> {
    let mut sensors = fs::read_dir(device.join("hwmon")).ok()?.flatten();
    let value: f64 = sensors.find_map(|sensor| text(&sensor.path(), "temp1_input"))?.parse().ok()?;
    Some(value / 1000.0)
}

fn text(folder: &Path, file: &str) -> Option<String> {
    fs::read_to_string(folder.join(file)).ok().map(|text| text.trim().to_owned())
}

fn number(folder: &Path, file: &str) -> Option<u64> {
    text(folder, file)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_and_its_outputs_and_other_makes_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for card in ["card0", "card0-DP-1", "card1"] {
            write(&format!("{card}/device/vendor"), if card == "card1" { "0x8086\n" } else { "0x1002\n" });
            write(&format!("{card}/device/mem_info_vram_total"), "17163091968\n");
            write(&format!("{card}/device/mem_info_vram_used"), "1073741824\n");
        }
        write("card0/device/gpu_busy_percent", "37\n");
        write("card0/device/product_name", "Radeon\n");
        write("card0/device/hwmon/hwmon3/temp1_input", "48000\n");
        let expected = Gpu {
            name: "Radeon".to_owned(),
            memory_total_mb: 16_368,
            memory_free_mb: 15_344,
            used_percent: 37.0,
            temperature_c: Some(48.0),
        };
        assert_eq!(gpus(folder.path()), [expected]);
        assert_eq!(gpus(&folder.path().join("nothing")), []);
    }
}
