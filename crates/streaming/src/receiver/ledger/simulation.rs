//! Histories of a receiver, over the ledger that decides: threads that store, spill and pack side
//! by side, batches that take blocks and end in any order of steps, disks that refuse, processes
//! that are killed and go on.
//!
//! A model keeps books of its own. After each step it checks that the sums are those of the
//! blocks, that the bounds are kept and nobody waits for what nobody does; at each cut that the
//! batch has what no batch has had, in the order in which it was stored.

use fastrand::Rng;

use super::*;

/// The time of a batch; batches are numbered.
fn batch(number: i64) -> Time {
    Time::from_millis(number)
}

/// A closed block, as the model knows it.
#[derive(Debug)]
struct Known {
    records: Range<u64>,
    memory: u64,
    /// What it takes on disk, or what is set aside for it.
    disk: u64,
    batch: Option<i64>,
}

/// What a thread that stores does next.
#[derive(Debug, Clone, Copy)]
enum Thread {
    Idle,
    /// Has records, of so many bytes, that become a block of their own or are gathered.
    Stores {
        bytes: u64,
        is_block: bool,
    },
    /// Moves a block to disk, and goes on with what it was about to store.
    Moves {
        number: u64,
        stores: Option<(u64, bool)>,
    },
    Packs(u64),
}

struct History {
    rng: Rng,
    ledger: Ledger,
    blocks: BTreeMap<u64, Known>,
    threads: [Thread; 3],
    /// Records are numbered in the order in which they come in.
    next_record: u64,
    open: Range<u64>,
    open_bytes: u64,
    /// Whether the disk refused a block, and nothing was freed since.
    is_refused: bool,
    /// The first record that no batch has had.
    next_taken: u64,
    cut: i64,
    ended: i64,
}

type Check = Result<(), String>;

fn check(holds: bool, what: impl FnOnce() -> String) -> Check {
    match holds {
        true => Ok(()),
        false => Err(what()),
    }
}

impl History {
    fn begin(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let keeps = [Keeps::Records, Keeps::Bytes, Keeps::Disk];
        let bounds = Bounds {
            memory_bytes: rng.u64(1..60),
            disk_bytes: [0, 20, 100][rng.usize(..3)],
            spill_after: Duration::ZERO,
            keeps: keeps[rng.usize(..3)],
        };
        History {
            rng,
            ledger: Ledger::new(bounds),
            blocks: BTreeMap::new(),
            threads: [Thread::Idle; 3],
            next_record: 0,
            open: 0..0,
            open_bytes: 0,
            is_refused: false,
            next_taken: 0,
            cut: 0,
            ended: 0,
        }
    }

    fn run(mut self, steps: u32) -> Check {
        for step in 0..steps {
            let done = self.step().and_then(|()| self.check_books());
            done.map_err(|message| format!("step {step}: {message}; {:?}", self.ledger))?;
        }
        self.end()
    }

    fn step(&mut self) -> Check {
        match self.rng.u32(..100) {
            0..8 => self.cut_batch(),
            8..10 => self.cut_again(),
            10..18 => self.end_batches(),
            18 => self.restart(),
            _ => {
                let thread = self.rng.usize(..self.threads.len());
                self.threads[thread] = self.go_on(self.threads[thread])?;
                Ok(())
            }
        }
    }

    /// What a thread does next, once it has done what it was to do now.
    fn go_on(&mut self, thread: Thread) -> Result<Thread, String> {
        match thread {
            Thread::Idle => Ok(Thread::Stores {
                bytes: self.rng.u64(1..25),
                is_block: self.rng.bool(),
            }),
            Thread::Stores { bytes, is_block } => self.store(bytes, is_block),
            Thread::Moves { number, stores } => {
                self.moved(number);
                match stores {
                    Some((bytes, is_block)) => Ok(Thread::Stores { bytes, is_block }),
                    None => self.next_chore(),
                }
            }
            Thread::Packs(number) => {
                let bytes = self.rng.u64(1..20);
                let known = self.blocks.get_mut(&number);
                let known = known.filter(|known| known.memory > 0 && known.disk == 0);
                let counts = self.ledger.packed(number, bytes);
                let is_there = known.map(|known| known.memory = bytes).is_some();
                check(counts == is_there, || {
                    format!("{number} was packed elsewhere")
                })?;
                self.next_chore()
            }
        }
    }

    fn store(&mut self, bytes: u64, is_block: bool) -> Result<Thread, String> {
        let moving = |thread: &Thread| {
            matches!(thread, Thread::Moves { number, .. }
            if self.blocks.contains_key(number))
        };
        let room = self.ledger.room_for(bytes);
        match room {
            Room::Free => return self.admit(bytes, is_block),
            Room::Spill(number) => {
                self.leave(number)?;
                let stores = Some((bytes, is_block));
                return Ok(Thread::Moves { number, stores });
            }
            Room::Close => {
                check(self.open_bytes > 0, || "nothing is open".to_owned())?;
                self.close();
            }
            Room::Soon => {
                let comes = self.threads.iter().any(moving);
                check(comes, || "nobody brings what is waited for".to_owned())?;
            }
            Room::Wait => {
                let could = self.could_leave();
                check(could.is_none(), || {
                    format!("waits, and {could:?} could leave")
                })?;
            }
        }
        Ok(Thread::Stores { bytes, is_block })
    }

    /// The bytes of something that has room on disk, or is on its way there.
    fn could_leave(&self) -> Option<u64> {
        let in_memory = self.blocks.values().filter(|known| known.memory > 0);
        let (leaving, stays): (Vec<_>, Vec<_>) = in_memory.partition(|known| known.disk > 0);
        let stays = stays.into_iter().map(|known| known.memory);
        let open = Some(self.open_bytes).filter(|bytes| *bytes > 0);
        let room = match self.is_refused {
            true => 0,
            false => self.ledger.bounds().disk_bytes.saturating_sub(self.disk()),
        };
        let mut could = stays.chain(open).filter(|bytes| *bytes <= room);
        could.next().or(leaving.first().map(|known| known.memory))
    }

    fn admit(&mut self, bytes: u64, is_block: bool) -> Result<Thread, String> {
        let before = self.memory();
        let fits = before == 0 || before + bytes <= self.ledger.bounds().memory_bytes;
        check(fits, || format!("{bytes} bytes come to {before}"))?;
        let records = self.rng.u64(1..4);
        if is_block {
            self.close();
            let first = self.take_in(records);
            self.add(first..self.next_record, bytes);
        } else {
            self.take_in(records);
            self.open.end = self.next_record;
            self.open_bytes += bytes;
            self.ledger.gathered(bytes);
        }
        self.next_chore()
    }

    fn take_in(&mut self, records: u64) -> u64 {
        let first = self.next_record;
        self.next_record += records;
        first
    }

    fn close(&mut self) {
        if self.open_bytes > 0 {
            // What records own on the heap is seen only now.
            let bytes = self.open_bytes + self.rng.u64(..3);
            self.add(self.open.clone(), bytes);
        }
    }

    fn add(&mut self, records: Range<u64>, bytes: u64) {
        let number = self.ledger.closed(records.end - records.start, bytes);
        self.open = records.end..records.end;
        self.open_bytes = 0;
        let known = Known {
            records,
            memory: bytes,
            disk: 0,
            batch: None,
        };
        self.blocks.insert(number, known);
    }

    fn next_chore(&mut self) -> Result<Thread, String> {
        let Some(chore) = self.ledger.next_chore() else {
            return Ok(Thread::Idle);
        };
        let (Chore::Spill(number) | Chore::Pack(number)) = chore;
        let known = self.blocks.get(&number);
        let waits = known.is_some_and(|known| known.batch.is_none());
        check(waits, || format!("{chore:?} of a block that has a batch"))?;
        if let Chore::Pack(number) = chore {
            return Ok(Thread::Packs(number));
        }
        self.leave(number)?;
        let stores = None;
        Ok(Thread::Moves { number, stores })
    }

    /// A block is about to leave memory.
    fn leave(&mut self, number: u64) -> Check {
        let known = self.blocks.get_mut(&number);
        let known = known.filter(|known| known.memory > 0 && known.disk == 0);
        let known = known.ok_or_else(|| format!("{number} is not in memory, or is leaving it"))?;
        known.disk = known.memory;
        self.ledger.leaves(number);
        let (disk, most) = (self.disk(), self.ledger.bounds().disk_bytes);
        check(disk <= most, || {
            format!("{disk} bytes for a disk of {most}")
        })
    }

    /// A block has arrived on disk, or not; it may have been freed on the way.
    fn moved(&mut self, number: u64) {
        let refused = self.rng.u32(..6) == 0;
        let smaller = self.rng.u64(1..4);
        self.is_refused |= refused;
        let known = self.blocks.get_mut(&number);
        let is_there = known.map(|known| {
            if refused {
                known.disk = 0;
            } else {
                known.memory = 0;
                known.disk = (known.disk / smaller).max(1);
            }
            known.disk
        });
        match refused {
            true => self.ledger.has_stayed(number),
            false => self.ledger.has_left(number, is_there.unwrap_or(1)),
        }
    }

    fn cut_batch(&mut self) -> Check {
        self.close();
        self.cut += 1;
        let (records, numbers) = self.ledger.allocate(batch(self.cut));
        check(
            Some(&numbers) == self.ledger.blocks_of(batch(self.cut)).as_ref(),
            || format!("the batch has not {numbers:?}"),
        )?;
        let mut taken = 0;
        for number in numbers {
            let known = self.blocks.get_mut(&number);
            let known = known.ok_or_else(|| format!("there is no block {number}"))?;
            let (first, expected) = (known.records.start, self.next_taken);
            check(known.batch.is_none() && first == expected, || {
                format!("{known:?} comes when record {expected} is due")
            })?;
            known.batch = Some(self.cut);
            self.next_taken = known.records.end;
            taken += known.records.end - first;
        }
        let (due, next) = (self.next_taken, self.next_record);
        check(due == next && taken == records, || {
            format!("{records} records were said, {taken} taken up to {due} of {next}")
        })?;
        check(!self.ledger.has_waiting(), || "something waits".to_owned())
    }

    /// A batch that has its blocks is asked for them once more, as after a restart.
    fn cut_again(&mut self) -> Check {
        if self.ended == self.cut {
            return Ok(());
        }
        let again = self.rng.i64(self.ended + 1..=self.cut);
        let known = self.blocks.values();
        let known = known.filter(|known| known.batch == Some(again));
        let expected: u64 = known
            .map(|known| known.records.end - known.records.start)
            .sum();
        let waits = self.ledger.has_waiting();
        let (records, numbers) = self.ledger.allocate(batch(again));
        let is_same = records == expected && numbers.is_empty();
        check(is_same && waits == self.ledger.has_waiting(), || {
            format!("batch {again} of {expected} records got {records}, {numbers:?}")
        })
    }

    fn end_batches(&mut self) -> Check {
        self.ended = self.rng.i64(self.ended..=self.cut);
        let ended = self.ended;
        let is_done = |known: &Known| known.batch.is_some_and(|batch| batch <= ended);
        let done = self.blocks.extract_if(.., |_, known| is_done(known));
        let expected: Vec<_> = done.map(|(number, _)| number).collect();
        let freed = self.ledger.free(batch(ended));
        self.is_refused &= freed.is_empty();
        check(freed == expected, || {
            format!("{freed:?} were freed at the end of batch {ended}, not {expected:?}")
        })
    }

    /// The process is killed, and another goes on with what the journal has: not with what was
    /// gathered.
    fn restart(&mut self) -> Check {
        let next = self.ledger.next();
        self.ledger = Ledger::new(Bounds {
            // What earlier processes left may be more than this one would take.
            disk_bytes: 200,
            ..self.ledger.bounds()
        });
        self.threads = [Thread::Idle; 3];
        self.is_refused = false;
        self.next_record = self.open.start;
        (self.open, self.open_bytes) = (self.next_record..self.next_record, 0);
        let mut batches = BTreeMap::new();
        for (number, known) in &mut self.blocks {
            known.disk = known.disk.max(known.memory);
            known.memory = 0;
            let records = known.records.end - known.records.start;
            self.ledger.restore_block(*number, records, known.disk);
            if let Some(batch) = known.batch {
                let blocks = batches.entry(batch).or_insert(*number..*number);
                blocks.end = number + 1;
            }
        }
        let waiting = self.blocks.iter().find(|(_, known)| known.batch.is_none());
        let first_waiting = waiting.map_or(next, |(number, _)| *number);
        // A batch without blocks has a range, too.
        let empty = (self.ended + 1..=self.cut).map(|cut| (cut, first_waiting..first_waiting));
        let mut all: BTreeMap<_, _> = empty.collect();
        all.extend(batches);
        let all = all.into_iter().map(|(cut, blocks)| (batch(cut), blocks));
        self.ledger.restore_batches(all, first_waiting, next);
        Ok(())
    }

    fn memory(&self) -> u64 {
        self.blocks.values().map(|known| known.memory).sum::<u64>() + self.open_bytes
    }

    fn disk(&self) -> u64 {
        self.blocks.values().map(|known| known.disk).sum()
    }

    fn check_books(&self) -> Check {
        let told = (self.ledger.memory_bytes(), self.ledger.disk_bytes());
        let known = (self.memory(), self.disk());
        check(told == known, || {
            format!("memory and disk are {known:?}, not {told:?}")
        })
    }

    /// Once all batches are done nothing is left, and whoever waits may go on.
    fn end(mut self) -> Check {
        self.cut_batch()?;
        self.ended = self.cut;
        let freed = self.ledger.free(batch(self.cut));
        check(freed.iter().eq(self.blocks.keys()), || {
            format!("{freed:?} are not all")
        })?;
        self.blocks.clear();
        for thread in self.threads {
            if let Thread::Moves { number, .. } = thread {
                self.moved(number);
            }
        }
        self.check_books()?;
        let room = self.ledger.room_for(u64::MAX);
        check(room == Room::Free, || {
            format!("{room:?} in an empty ledger")
        })
    }
}

#[test]
fn no_history_passes_a_bound_or_loses_repeats_or_reorders_a_record() {
    for seed in 0..5000 {
        if let Err(message) = History::begin(seed).run(300) {
            panic!("seed {seed}: {message}");
        }
    }
}
