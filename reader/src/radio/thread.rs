//! The thread that Bluetooth lives on.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Options;
use super::plan::Plan;
#[cfg(target_os = "linux")]
use super::system::Service;
#[cfg(not(target_os = "linux"))]
use super::worker::Service;
use super::worker::{Command, Happening, Ports, run};
use crate::radio_fault::RadioFault;

/// A connection has ended as it should, and nothing of it is left with the system.
pub(super) struct InOrder;

/// A connection to be made.
struct Job {
    plan: Plan,
    options: Options,
    ports: Ports,
    down: Sender<InOrder>,
}

/// A thread, for one connection after another: each would otherwise have to be introduced to the system anew. It ends with the
/// first one that does not end as it should, and everything that is registered with the system ends with it. It ends too when
/// the system's bus goes away.
pub(super) struct Thread {
    jobs: UnboundedSender<Job>,
}

impl Thread {
    pub(super) fn start() -> Self {
        let (jobs, to_do) = unbounded_channel();
        std::thread::spawn(move || live(to_do));
        Self { jobs }
    }

    /// Whether it takes no more connections.
    pub(super) fn is_over(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Begins a connection. The last receiver gets word of an end in good order, and is cut off without one otherwise, in both
    /// cases when everything is taken down.
    pub(super) fn connect(
        &self,
        plan: Plan,
        options: Options,
    ) -> (UnboundedSender<Command>, Receiver<Happening>, Receiver<InOrder>) {
        let (ports, commands, happenings) = Ports::new();
        let (up, down) = channel();
        // A thread that is over drops it, and with it the other ends.
        let _ = self.jobs.send(Job {
            plan,
            options,
            ports,
            down: up,
        });
        (commands, happenings, down)
    }
}

fn live(mut jobs: UnboundedReceiver<Job>) {
    // The thread that connects to the system, and waits meanwhile, is needed once.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_millis(100))
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            if let Some(job) = jobs.blocking_recv() {
                job.ports
                    .tell(Happening::Fault(RadioFault::Other(error.to_string())));
            }
            return;
        }
    };
    // A task, because the runtime turns to the system each time before it goes on with the future that it waits for.
    let last = runtime.block_on(runtime.spawn(work(jobs)));
    drop(runtime);
    if let Ok(Some((down, Some(in_order)))) = last {
        tell_end(&down, in_order);
    }
}

/// Makes connections for as long as they end in good order and the system is there; the last one's end is told when the thread
/// has nothing more with the system.
async fn work(mut jobs: UnboundedReceiver<Job>) -> Option<(Sender<InOrder>, Option<InOrder>)> {
    let service = Service::default();
    loop {
        let job = tokio::select! {
            biased;
            // The next connection is one for another thread, with connections to the system of its own.
            () = service.lost() => return None,
            job = jobs.recv() => job?,
        };
        let tell = job.ports.tell.clone();
        let ended = tokio::select! {
            ended = run(&job.plan, &job.options, &service, job.ports) => ended,
            // Questions to the system would stay without an answer.
            () = service.lost() => {
                // A session that is over has dropped its end.
                let _ = tell.send(Happening::Fault(RadioFault::Service));
                None
            }
        };
        match ended {
            Some(in_order) if job.plan.lasts() => tell_end(&job.down, in_order),
            ended => return Some((job.down, ended)),
        }
    }
}

fn tell_end(down: &Sender<InOrder>, in_order: InOrder) {
    // A program that is ending asks no more.
    let _ = down.send(in_order);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments;

    const LONG: Duration = Duration::from_secs(60);

    /// A connection that has no way to the phone, and asks the system nothing.
    fn fails(
        thread: &Thread,
    ) -> (
        Option<Happening>,
        Result<InOrder, std::sync::mpsc::RecvTimeoutError>,
    ) {
        let plan = Plan {
            central: None,
            peripheral: None,
        };
        let options = Options {
            adapter: None,
            role: arguments::Role::Both,
            central: arguments::Central::default(),
            l2cap: false,
            l2cap_psm_from_gatt: false,
            max_message_len: 0,
            broke_off: false,
        };
        let (_commands, happenings, down) = thread.connect(plan, options);
        (happenings.recv_timeout(LONG).ok(), down.recv_timeout(LONG))
    }

    #[test]
    fn a_connection_that_does_not_end_as_it_should_ends_the_thread() {
        let thread = Thread::start();
        assert!(!thread.is_over());
        let (happening, down) = fails(&thread);
        assert!(
            matches!(happening, Some(Happening::Fault(RadioFault::Other(words))) if words == "no way to the phone")
        );
        assert_eq!(down.err(), Some(std::sync::mpsc::RecvTimeoutError::Disconnected));
        assert!(thread.is_over());
    }

    #[test]
    fn a_thread_that_is_over_cuts_everybody_off() {
        let thread = Thread::start();
        drop(fails(&thread));
        let (happening, down) = fails(&thread);
        assert!(happening.is_none());
        assert_eq!(down.err(), Some(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }
}
