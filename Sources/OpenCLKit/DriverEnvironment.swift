// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Settings that drivers read from the environment when they load; call before the first OpenCL call.
public enum DriverEnvironment {
  /// Asks PoCL to keep each of its threads on a core of its own (`POCL_AFFINITY=1`), unless the variable is set.
  ///
  /// Two threads that wake up together may share a core for milliseconds while another idles, which halves the speed of
  /// short products; a benchmark, or an app that has the machine to itself, wants them pinned. PoCL ends the process
  /// where a thread has no core, so nothing is asked for unless this process may run on every core and PoCL makes no
  /// more threads than that.
  ///
  /// - Returns: Whether PoCL will pin its threads.
  @discardableResult
  public static func pinPoCLThreads() -> Bool {
    let environment = ProcessInfo.processInfo.environment
    if let value = environment["POCL_AFFINITY"] { return value == "1" }
    let process = ProcessInfo.processInfo
    guard environment["POCL_MAX_PTHREAD_COUNT"] == nil, process.activeProcessorCount == process.processorCount else {
      return false
    }
    return setenv("POCL_AFFINITY", "1", 0) == 0
  }
}
