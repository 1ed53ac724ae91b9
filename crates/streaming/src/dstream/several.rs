//! Operators on several streams at once, which the context has.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use headwater_core::{Rdd, Record, Site};

use super::transform::made;
use super::{DStream, check_alike};
use crate::StreamingContext;
use crate::error::PlanError;
use crate::graph::{AnyStream, Graph, Plan};
use crate::time::Time;

impl StreamingContext {
    /// The records of several streams: Spark's `StreamingContext.union`. Duplicates stay;
    /// the streams must belong to this context and slide alike. An empty list is a mistake.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let (a, b) = (test.input(vec![vec![1]]), test.input(vec![vec![2], vec![3]]));
    /// let all = test.collect(&test.context().union(&[a.clone(), b, a]));
    /// test.run(2);
    /// assert_eq!(all.batches(), [vec![1, 2, 1], vec![3]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn union<T: Record>(&self, streams: &[DStream<T>]) -> DStream<T> {
        let ctx = self.context().clone();
        self.transformed(Site::here("union"), streams, move |rdds, _| {
            Ok(ctx.union(rdds))
        })
    }

    /// Makes each batch's RDD by a function of the RDDs of several streams and the batch
    /// time: Spark's `StreamingContext.transform`.
    ///
    /// The RDDs come in the order of the streams, which must belong to this context and
    /// slide alike; an empty list is a mistake. What holds for the function is said at
    /// [`DStream::transform`]. For streams of different records there is
    /// [`StreamingContext::transform_tuple`].
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let streams = [vec![1, 2], vec![2, 3], vec![2]].map(|batch| test.input(vec![batch]));
    /// let common = test.context().transform(&streams, |rdds, _time| {
    ///     rdds[1..].iter().fold(rdds[0].clone(), |all, rdd| all.intersection(rdd))
    /// });
    /// let out = test.collect(&common);
    /// test.run(1);
    /// assert_eq!(out.batches(), [[2]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn transform<T: Record, U: Record>(
        &self,
        streams: &[DStream<T>],
        f: impl Fn(&[Rdd<T>], Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        self.transformed(Site::here("transform"), streams, move |rdds, time| {
            Ok(Site::uncover(|| f(rdds, time)))
        })
    }

    /// As [`StreamingContext::transform`], for a function that can fail; see
    /// [`DStream::try_transform`].
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let streams = [test.input(vec![vec![1, 2]]), test.input(vec![vec![3]])];
    /// let larger = test.context().try_transform(&streams, |rdds, _time| {
    ///     let first_is_larger = rdds[0].count()? > rdds[1].count()?;
    ///     Ok::<_, headwater_core::Error>(rdds[usize::from(!first_is_larger)].clone())
    /// });
    /// let out = test.collect(&larger);
    /// test.run(1);
    /// assert_eq!(out.batches(), [[1, 2]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn try_transform<T: Record, U: Record, E: Display>(
        &self,
        streams: &[DStream<T>],
        f: impl Fn(&[Rdd<T>], Time) -> Result<Rdd<U>, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        let site = Site::here("try_transform");
        self.transformed(site, streams, move |rdds, time| {
            made(site, Site::uncover(|| f(rdds, time)))
        })
    }

    /// As [`StreamingContext::transform`], over streams of different records: a tuple of
    /// two to six streams, whose RDDs come as a tuple.
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let names = test.input(vec![vec![(1, 'a'), (2, 'b'), (3, 'c')]]);
    /// let (visits, banned) = (test.input(vec![vec![1, 3, 1]]), test.input(vec![vec![(3, ())]]));
    /// let visitors = test.context().transform_tuple(
    ///     (&names, &visits, &banned),
    ///     |(names, visits, banned), _time| {
    ///         let visits = visits.map(|id| (id, 1)).reduce_by_key(|a, b| a + b);
    ///         names.subtract_by_key(banned).join(&visits).values()
    ///     },
    /// );
    /// let out = test.collect(&visitors);
    /// test.run(1);
    /// assert_eq!(out.batches(), [[('a', 2)]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn transform_tuple<S: StreamTuple, U: Record>(
        &self,
        streams: S,
        f: impl Fn(&S::Rdds, Time) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        let site = Site::here("transform_tuple");
        self.transformed_tuple(site, &streams, move |rdds, time| {
            Ok(Site::uncover(|| f(rdds, time)))
        })
    }

    /// As [`StreamingContext::transform_tuple`], for a function that can fail; see
    /// [`DStream::try_transform`].
    ///
    /// ```
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::seconds;
    /// let test = TestStream::new(seconds(1));
    /// let (words, limits) = (test.input(vec![vec!["a", "bcd"]]), test.input(vec![vec![2_usize]]));
    /// let short = test.context().try_transform_tuple(
    ///     (&words, &limits),
    ///     |(words, limits), _time| {
    ///         let limit = limits.first()?;
    ///         Ok::<_, headwater_core::Error>(words.filter(move |word| word.len() <= limit))
    ///     },
    /// );
    /// let out = test.collect(&short);
    /// test.run(1);
    /// assert_eq!(out.batches(), [["a"]]);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn try_transform_tuple<S: StreamTuple, U: Record, E: Display>(
        &self,
        streams: S,
        f: impl Fn(&S::Rdds, Time) -> Result<Rdd<U>, E> + Send + Sync + 'static,
    ) -> DStream<U> {
        let site = Site::here("try_transform_tuple");
        self.transformed_tuple(site, &streams, move |rdds, time| {
            made(site, Site::uncover(|| f(rdds, time)))
        })
    }

    fn transformed<T: Record, U: Record>(
        &self,
        site: Site,
        streams: &[DStream<T>],
        f: impl Fn(&[Rdd<T>], Time) -> Result<Rdd<U>, PlanError> + Send + Sync + 'static,
    ) -> DStream<U> {
        if streams.is_empty() {
            let message = "no streams are given, so there are no batches; give at least one";
            self.graph().mistake(site, message);
        }
        let plan = self.plan_over(site, streams.iter().map(Member::of).collect());
        let streams = streams.to_vec();
        let compute = move |time| {
            let rdds = streams
                .iter()
                .map(|each| each.stream.rdd_or_fail(time, site));
            f(&rdds.collect::<Result<Vec<_>, _>>()?, time)
        };
        DStream {
            stream: self.graph().add(plan, compute),
        }
    }

    fn transformed_tuple<S: StreamTuple, U: Record>(
        &self,
        site: Site,
        streams: &S,
        f: impl Fn(&S::Rdds, Time) -> Result<Rdd<U>, PlanError> + Send + Sync + 'static,
    ) -> DStream<U> {
        let plan = self.plan_over(site, streams.members());
        let Reader(read) = streams.reader(site);
        DStream {
            stream: self.graph().add(plan, move |time| f(&read(time)?, time)),
        }
    }

    /// The plan of a stream that is made from the same batch of others. Keeps a mistake for
    /// each that is of another context or slides otherwise than the first.
    fn plan_over(&self, site: Site, members: Vec<Member>) -> Plan {
        let first = members.first().map(|first| first.stream.info().slide);
        let slide = first.unwrap_or_else(|| self.batch_duration());
        for member in &members {
            check_alike(self.graph(), slide, site, &*member.stream, &member.graph);
        }
        Plan {
            site,
            slide,
            looks_back: Duration::ZERO,
            parents: members.into_iter().map(|member| member.stream).collect(),
        }
    }
}

/// A stream and where it belongs, whatever its records are.
pub struct Member {
    stream: Arc<dyn AnyStream>,
    graph: Arc<Graph>,
}

impl Member {
    fn of<T: Record>(stream: &DStream<T>) -> Self {
        Member {
            stream: stream.erased(),
            graph: stream.graph().clone(),
        }
    }
}

type Read<R> = dyn Fn(Time) -> Result<R, PlanError> + Send + Sync;

/// Gives the RDDs of several streams, batch by batch.
pub struct Reader<R>(Box<Read<R>>);

/// A tuple of references to two to six streams, such as `(&lines, &numbers)`, for
/// [`StreamingContext::transform_tuple`]. Other types cannot implement it.
///
/// ```
/// use headwater_streaming::{DStream, StreamTuple};
/// fn is_tuple_of_streams<S: StreamTuple>() {}
/// is_tuple_of_streams::<(&DStream<String>, &DStream<u64>)>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tuple of references to two to six streams",
    label = "write the streams as `(&a, &b)`",
    note = "a list of streams of one record type is taken by `transform`"
)]
pub trait StreamTuple {
    /// The streams' RDDs of one batch: `(Rdd<A>, Rdd<B>)`.
    type Rdds: 'static;

    #[doc(hidden)]
    fn members(&self) -> Vec<Member>;

    #[doc(hidden)]
    fn reader(&self, site: Site) -> Reader<Self::Rdds>;
}

macro_rules! tuple_of_streams {
    ($($record:ident $stream:ident),+) => {
        impl<$($record: Record),+> StreamTuple for ($(&DStream<$record>,)+) {
            type Rdds = ($(Rdd<$record>,)+);

            fn members(&self) -> Vec<Member> {
                let ($($stream,)+) = self;
                vec![$(Member::of($stream)),+]
            }

            fn reader(&self, site: Site) -> Reader<Self::Rdds> {
                let ($($stream,)+) = self;
                $(let $stream = $stream.stream.clone();)+
                Reader(Box::new(move |time| Ok(($($stream.rdd_or_fail(time, site)?,)+))))
            }
        }
    };
}

tuple_of_streams!(A a, B b);
tuple_of_streams!(A a, B b, C c);
tuple_of_streams!(A a, B b, C c, D d);
tuple_of_streams!(A a, B b, C c, D d, E e);
tuple_of_streams!(A a, B b, C c, D d, E e, F f);
