//! NVIDIA GPUs through NVML, the driver's own library. It is loaded at run time: a machine without the driver has no GPUs.

use chiffon_protocol::message::Gpu;
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

const MIB: u64 = 1024 * 1024;

/// The loaded library.
#[derive(Debug)]
pub struct Nvidia {
    nvml: Nvml,
}

impl Nvidia {
    /// Loads the library; `None`, noted once, where there is none.
    pub fn load() -> Option<Self> {
        match Nvml::init() {
            Ok(nvml) => Some(Self { nvml }),
            Err(error) => {
                tracing::debug!(%error, "no NVIDIA driver; no NVIDIA GPUs are reported");
                None
            }
        }
    }

    /// Each GPU's figures; one that can't be read is left out with its reason.
    pub fn gpus(&self) -> Vec<Gpu> {
        let count = self.nvml.device_count().unwrap_or(0);
        (0..count)
            .filter_map(|index| self.gpu(index).inspect_err(|error| tracing::warn!(index, %error, "an NVIDIA GPU can't be read")).ok())
            .collect()
    }

    fn gpu(&self, index: u32) -> Result<Gpu, NvmlError> {
        let device = self.nvml.device_by_index(index)?;
        let memory = device.memory_info()?;
        Ok(Gpu {
            name: device.name()?,
            memory_total_mb: memory.total / MIB,
            memory_free_mb: memory.free / MIB,
            // Not every GPU tells these two (a partitioned one, for example).
            used_percent: device.utilization_rates().map_or(0.0, |rates| f64::from(rates.gpu)),
            temperature_c: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        })
    }
}
