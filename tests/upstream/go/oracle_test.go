// Answers cases with upstream's own reconcileAutoscaler.
//
// build.py puts this file beside a copy of k8s.io/kubernetes/pkg/controller/podautoscaler: the methods it calls are
// unexported. It is a test because testing/synctest, whose clock upstream's time.Now reads, wants one.
//
// Each JSON value on standard input is a list of cases of `scaleproof hpa explain`, one a sync of the same autoscaler; the list
// of answers goes to the file named by ORACLE_OUT. Later cases need name only what changed: what the controller remembers, the HPA's
// status and the scale stay. Where a later case has an hpa, its spec is an edit by the user; a scale's spec.replicas is one too.
package podautoscaler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	customapi "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalapi "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	resourceapi "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	customclient "k8s.io/metrics/pkg/client/custom_metrics"
	externalclient "k8s.io/metrics/pkg/client/external_metrics"

	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/monitor"
	"k8s.io/kubernetes/pkg/controller/util/selectors"
)

const key = "the one autoscaler of a bubble"

type testCase struct {
	Now             time.Time                              `json:"now"`
	HPA             *autoscalingv2.HorizontalPodAutoscaler `json:"hpa"`
	Scale           scale                                  `json:"scale"`
	Pods            v1.PodList                             `json:"pods"`
	PodMetrics      *resourceapi.PodMetricsList            `json:"podMetrics"`
	CustomMetrics   *customapi.MetricValueList             `json:"customMetrics"`
	ExternalMetrics *externalapi.ExternalMetricValueList   `json:"externalMetrics"`
	ScaleUpEvents   []scaleEvent                           `json:"scaleUpEvents"`
	ScaleDownEvents []scaleEvent                           `json:"scaleDownEvents"`
	Recommendations []recommendation                       `json:"recommendations"`
	Options         options                                `json:"options"`
}

type scale struct {
	Spec, Status struct {
		Replicas *int32 `json:"replicas"`
	}
}

type options struct {
	Tolerance             *float64 `json:"tolerance"`
	Downscale             *float64 `json:"downscaleStabilisationSeconds"`
	CPUInitialization     *float64 `json:"cpuInitializationPeriodSeconds"`
	ReadinessDelay        *float64 `json:"initialReadinessDelaySeconds"`
	ConfigurableTolerance *bool    `json:"configurableTolerance"`
	ScaleToZero           bool     `json:"scaleToZero"`
}

type scaleEvent struct {
	Timestamp     time.Time `json:"timestamp"`
	ReplicaChange int32     `json:"replicaChange"`
	Outdated      bool      `json:"outdated"`
}

type recommendation struct {
	Timestamp      time.Time `json:"timestamp"`
	Recommendation int32     `json:"recommendation"`
}

type answer struct {
	DesiredReplicas int32             `json:"desiredReplicas"`
	Error           string            `json:"error"`
	Conditions      map[string]string `json:"conditions"`
	Metrics         []metricValue     `json:"metrics"`
	Events          []string          `json:"events"`
	ScaleUpEvents   []scaleEvent      `json:"scaleUpEvents"`
	ScaleDownEvents []scaleEvent      `json:"scaleDownEvents"`
	Recommendations []recommendation  `json:"recommendations"`
}

// metricValue is a metric's current value: per cent, and thousandths. All nil where upstream could not tell.
type metricValue struct {
	Utilization *int32 `json:"utilization"`
	Average     *int64 `json:"average"`
	Value       *int64 `json:"value"`
}

func TestOracle(t *testing.T) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	monitor.Register()
	out, err := os.OpenFile(os.Getenv("ORACLE_OUT"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	encoder := json.NewEncoder(out)
	for decoder := json.NewDecoder(os.Stdin); decoder.More(); {
		var cases []testCase
		if err := decoder.Decode(&cases); err != nil {
			t.Fatal(err)
		}
		set(t, "HPAScaleToZero", cases[0].Options.ScaleToZero)
		set(t, "HPAConfigurableTolerance", or(cases[0].Options.ConfigurableTolerance, true))
		var answers []answer
		synctest.Test(t, func(*testing.T) { answers = replay(cases) })
		if err := encoder.Encode(answers); err != nil {
			t.Fatal(err)
		}
	}
}

func set(t *testing.T, gate string, on bool) {
	if utilfeature.DefaultFeatureGate.Enabled(featuregate.Feature(gate)) == on {
		return
	}
	if err := utilfeature.DefaultMutableFeatureGate.Set(fmt.Sprintf("%s=%v", gate, on)); err != nil {
		t.Fatal(err)
	}
}

// world is the cluster around the controller: each of the fakes below shows its present state.
type world struct {
	now    testCase
	hpa    *autoscalingv2.HorizontalPodAutoscaler
	scale  *autoscalingv1.Scale
	pods   cache.Indexer
	events chan string
}

// replay runs one autoscaler through its syncs on the bubble's clock.
func replay(cases []testCase) []answer {
	first := cases[0]
	w := &world{events: make(chan string, 100), hpa: first.HPA}
	w.scale = &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: first.HPA.Status.CurrentReplicas}}
	w.scale.Status.Selector = "app=a"
	w.pods = cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	controller := w.controller(first)
	answers := []answer{}
	for _, now := range cases {
		time.Sleep(time.Until(now.Now))
		w.show(now)
		err := controller.reconcileAutoscaler(context.Background(), w.hpa, key)
		answers = append(answers, w.answer(controller, err))
	}
	return answers
}

func (w *world) controller(first testCase) *HorizontalController {
	lister := corelisters.NewPodLister(w.pods)
	mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
	mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, apimeta.RESTScopeNamespace)
	client := metricsclient.NewRESTMetricsClient(resourceMetrics{w: w}, customMetrics{w}, externalMetrics{w})
	cpu, delay := seconds(first.Options.CPUInitialization, 300), seconds(first.Options.ReadinessDelay, 30)
	controller := &HorizontalController{
		eventRecorder:                &record.FakeRecorder{Events: w.events},
		scaleNamespacer:              scales{w: w},
		hpaNamespacer:                autoscalers{w: w},
		downscaleStabilisationWindow: seconds(first.Options.Downscale, 300),
		tolerance:                    or(first.Options.Tolerance, 0.1),
		monitor:                      monitor.New(),
		mapper:                       mapper,
		podLister:                    lister,
		replicaCalc:                  NewReplicaCalculator(client, lister, cpu, delay),
		recommendations:              map[string][]timestampedRecommendation{},
		scaleUpEvents:                map[string][]timestampedScaleEvent{key: remembered(first.ScaleUpEvents)},
		scaleDownEvents:              map[string][]timestampedScaleEvent{key: remembered(first.ScaleDownEvents)},
		hpaSelectors:                 selectors.NewBiMultimap(),
	}
	if first.Recommendations != nil {
		controller.recommendations[key] = []timestampedRecommendation{}
	}
	for _, r := range first.Recommendations {
		controller.recommendations[key] = append(controller.recommendations[key], timestampedRecommendation{r.Recommendation, r.Timestamp})
	}
	return controller
}

// show makes the world what the case says.
func (w *world) show(now testCase) {
	w.now = now
	if now.HPA != nil {
		now.HPA.Status = w.hpa.Status
		w.hpa = now.HPA
		w.hpa.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "d", APIVersion: "apps/v1"}
		defaults.SetDefaults_HorizontalPodAutoscaler(w.hpa)
	}
	w.scale.Spec.Replicas = or(now.Scale.Spec.Replicas, w.scale.Spec.Replicas)
	w.scale.Status.Replicas = or(now.Scale.Status.Replicas, w.scale.Spec.Replicas)
	pods := []any{}
	for i := range now.Pods.Items {
		pod := &now.Pods.Items[i]
		pod.Namespace = w.hpa.Namespace
		pod.Labels = map[string]string{"app": "a"}
		pods = append(pods, pod)
	}
	_ = w.pods.Replace(pods, "")
}

func (w *world) answer(a *HorizontalController, err error) answer {
	res := answer{DesiredReplicas: w.scale.Spec.Replicas, Conditions: map[string]string{}, Metrics: []metricValue{}, Events: []string{}}
	if err != nil {
		res.Error = err.Error()
	}
	for _, c := range w.hpa.Status.Conditions {
		res.Conditions[string(c.Type)] = string(c.Status) + " " + c.Reason
	}
	for _, m := range w.hpa.Status.CurrentMetrics {
		res.Metrics = append(res.Metrics, value(m))
	}
	for len(w.events) > 0 {
		res.Events = append(res.Events, <-w.events)
	}
	res.ScaleUpEvents, res.ScaleDownEvents = told(a.scaleUpEvents[key]), told(a.scaleDownEvents[key])
	res.Recommendations = []recommendation{}
	for _, r := range a.recommendations[key] {
		res.Recommendations = append(res.Recommendations, recommendation{r.timestamp.UTC(), r.recommendation})
	}
	return res
}

func value(m autoscalingv2.MetricStatus) metricValue {
	var current autoscalingv2.MetricValueStatus
	switch {
	case m.Resource != nil:
		current = m.Resource.Current
	case m.ContainerResource != nil:
		current = m.ContainerResource.Current
	case m.Pods != nil:
		current = m.Pods.Current
	case m.Object != nil:
		current = m.Object.Current
	case m.External != nil:
		current = m.External.Current
	}
	return metricValue{current.AverageUtilization, milli(current.AverageValue), milli(current.Value)}
}

func milli(quantity *resource.Quantity) *int64 {
	if quantity == nil {
		return nil
	}
	value := quantity.MilliValue()
	return &value
}

func remembered(events []scaleEvent) (out []timestampedScaleEvent) {
	for _, e := range events {
		out = append(out, timestampedScaleEvent{e.ReplicaChange, e.Timestamp, e.Outdated})
	}
	return out
}

func told(events []timestampedScaleEvent) []scaleEvent {
	out := []scaleEvent{}
	for _, e := range events {
		out = append(out, scaleEvent{e.timestamp.UTC(), e.replicaChange, e.outdated})
	}
	return out
}

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func seconds(value *float64, otherwise float64) time.Duration {
	return time.Duration(or(value, otherwise) * float64(time.Second))
}

// The fakes stand where upstream talks to an API server; each implements what reconcileAutoscaler calls of its interface.

var errAbsent = errors.New("no such API")

type resourceMetrics struct {
	resourceclient.PodMetricsInterface
	w *world
}

func (f resourceMetrics) PodMetricses(string) resourceclient.PodMetricsInterface { return f }

func (f resourceMetrics) List(context.Context, metav1.ListOptions) (*resourceapi.PodMetricsList, error) {
	if f.w.now.PodMetrics == nil {
		return nil, errAbsent
	}
	return f.w.now.PodMetrics, nil
}

type customMetrics struct{ w *world }

func (f customMetrics) RootScopedMetrics() customclient.MetricsInterface       { return f }
func (f customMetrics) NamespacedMetrics(string) customclient.MetricsInterface { return f }

func (f customMetrics) GetForObject(kind schema.GroupKind, name, metric string, _ labels.Selector) (*customapi.MetricValue, error) {
	if f.w.now.CustomMetrics != nil {
		for i, m := range f.w.now.CustomMetrics.Items {
			if m.Metric.Name == metric && m.DescribedObject.Kind == kind.Kind && m.DescribedObject.Name == name {
				return &f.w.now.CustomMetrics.Items[i], nil
			}
		}
	}
	return nil, errAbsent
}

func (f customMetrics) GetForObjects(_ schema.GroupKind, _ labels.Selector, metric string, _ labels.Selector) (*customapi.MetricValueList, error) {
	if f.w.now.CustomMetrics == nil {
		return nil, errAbsent
	}
	found := &customapi.MetricValueList{}
	for _, m := range f.w.now.CustomMetrics.Items {
		if m.Metric.Name == metric && m.DescribedObject.Kind == "Pod" {
			found.Items = append(found.Items, m)
		}
	}
	return found, nil
}

type externalMetrics struct{ w *world }

func (f externalMetrics) NamespacedMetrics(string) externalclient.MetricsInterface { return f }

func (f externalMetrics) List(metric string, selector labels.Selector) (*externalapi.ExternalMetricValueList, error) {
	if f.w.now.ExternalMetrics == nil {
		return nil, errAbsent
	}
	selector, err := labels.Parse(selector.String()) // as it arrives over the wire
	if err != nil {
		return nil, err
	}
	found := &externalapi.ExternalMetricValueList{}
	for _, m := range f.w.now.ExternalMetrics.Items {
		if m.MetricName == metric && selector.Matches(labels.Set(m.MetricLabels)) {
			found.Items = append(found.Items, m)
		}
	}
	return found, nil
}

type scales struct {
	scaleclient.ScaleInterface
	w *world
}

func (f scales) Scales(string) scaleclient.ScaleInterface { return f }

func (f scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	return f.w.scale.DeepCopy(), nil
}

func (f scales) Update(_ context.Context, _ schema.GroupResource, s *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	f.w.scale = s.DeepCopy()
	return s, nil
}

type autoscalers struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	w *world
}

func (f autoscalers) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return f
}

func (f autoscalers) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	f.w.hpa = f.w.hpa.DeepCopy()
	f.w.hpa.Status = *hpa.Status.DeepCopy()
	return hpa, nil
}
